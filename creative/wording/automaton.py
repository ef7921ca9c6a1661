"""All words of the book in one pass over a text: the automaton of Aho and Corasick (CACM 18, 1975).

Own code and not a library: pyahocorasick would bring a C extension, and hence wheels for each platform, for
texts of a few hundred characters; its longest-match mode also hides the shorter words this check has to see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Node:
    """A prefix of some key."""

    next: dict[str, _Node] = field(default_factory=dict)
    fail: _Node | None = None
    """The longest proper suffix that is a prefix of a key as well; None only for the root."""
    key: str = ""
    """The key that ends here, if one does."""
    shorter: _Node | None = None
    """The nearest node along ``fail`` at which a key ends."""


class Automaton:
    """Finds every occurrence of every key.

    Args:
        keys: the texts to look for; empty ones are left out, double ones count once.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._root = _Node()
        for key in keys:
            node = self._root
            for char in key:
                node = node.next.setdefault(char, _Node())
            node.key = key
        self._root.key = ""
        self._link()

    def _link(self) -> None:
        waiting = deque((self._root, char, child) for char, child in self._root.next.items())
        while waiting:
            parent, char, node = waiting.popleft()
            node.fail = self._step(parent.fail, char)
            node.shorter = node.fail if node.fail.key else node.fail.shorter
            waiting.extend((node, each, child) for each, child in node.next.items())

    def _step(self, node: _Node | None, char: str) -> _Node:
        """Follow failures until one can go on with ``char``; the root when none can."""
        while node is not None:
            if char in node.next:
                return node.next[char]
            node = node.fail
        return self._root

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield ``(start, end, key)`` of each occurrence, by ascending end, the longer first.

        Takes time linear in the text plus the number of occurrences.
        """
        node = self._root
        for end, char in enumerate(text, 1):
            node = self._step(node, char)
            hit: _Node | None = node if node.key else node.shorter
            while hit is not None:
                yield end - len(hit.key), end, hit.key
                hit = hit.shorter

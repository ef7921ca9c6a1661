"""What has changed lately, by topic: pages wait here instead of asking again and again."""

import threading
from collections.abc import Iterable

TOPICS = ("im", "bitable", "approval", "calls")


class Pulse:
    """A number a topic that only grows; thread-safe. A topic is one of ``TOPICS``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = dict.fromkeys(TOPICS, 0)
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the server stops and nobody should wait any more."""
        return self._closed

    def touch(self, topic: str) -> None:
        """Something of this topic changed; wake who waits."""
        with self._changed:
            self._numbers[topic] += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody go, for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, topics: Iterable[str], seen: dict[str, int] | None, seconds: float) -> dict[str, int]:
        """The numbers of ``topics`` as soon as they differ from ``seen``, at the latest after ``seconds``."""
        wanted = tuple(topics)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._now(wanted) != seen, seconds)
            return self._now(wanted)

    def _now(self, topics: tuple[str, ...]) -> dict[str, int]:
        return {topic: self._numbers[topic] for topic in topics}

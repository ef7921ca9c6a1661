"""How a signal reaches the main thread that waits for it."""

import signal
from queue import Empty, SimpleQueue

LOOK = 1.0
"""Seconds after which a wait without end looks by itself. Python hears a signal in its main thread;
once, in the fault campaign, one did not wake a process (the sandbox) whose main thread slept in a lock."""


class SignalQueue:
    """Words for a thread that waits, put by signal handlers or by other threads.

    A handler runs in the midst of whatever its thread does. ``threading.Event.set`` in a handler can stop a
    process for good: it needs the lock that ``wait`` holds for a moment. ``SimpleQueue.put`` may run in the
    midst of its own queue's ``get`` (documented for CPython).
    """

    def __init__(self) -> None:
        self._words: SimpleQueue[str] = SimpleQueue()

    def put(self, word: str) -> None:
        """Say a word; never waits."""
        self._words.put(word)

    def get(self, seconds: float) -> str | None:
        """The next word; None when none came within so many seconds."""
        try:
            return self._words.get(timeout=seconds)
        except Empty:
            return None

    def wait(self) -> str:
        """The next word, however long it takes."""
        while (word := self.get(LOOK)) is None:
            pass
        return word


def hear(*numbers: signal.Signals) -> SignalQueue:
    """Hear these signals from now on: each puts its name. Only the main thread may call this."""
    told = SignalQueue()
    for number in numbers:
        signal.signal(number, lambda came, _frame: told.put(signal.Signals(came).name))
    return told

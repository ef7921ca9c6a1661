"""Work that is done once for a run's books and used for each of its people."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Same(Generic[T]):
    """A value told apart by identity, as key of an `lru_cache`: hashing a whole table per person is slow.

    The cache keeps the value alive, so its identity cannot be taken by another one meanwhile.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

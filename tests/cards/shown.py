"""One entry of the catalog of cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.cards import Card
from bot.model import Toast


@dataclass(frozen=True, slots=True)
class Shown:
    """What the product says, in one state.

    Attributes:
        key: file name and address, e.g. ``alert-firing``.
        group: under which heading of the gallery, Chinese and English.
        name: of the state, Chinese and English.
        card: the card; None when it is a text or a toast.
        text: of a plain reply.
        toast: what appears over a card after a tap.
    """

    key: str
    group: tuple[str, str]
    name: tuple[str, str]
    card: Card | None = None
    text: str = ""
    toast: Toast | None = None

    def to_json(self, order: int) -> Mapping[str, Any]:
        """As it stands in ``docs/cards``; ``order`` is its place in the gallery."""
        pair = ("zh_cn", "en_us")
        said: dict[str, Any] = {
            "order": order,
            "group": dict(zip(pair, self.group, strict=True)),
            "name": dict(zip(pair, self.name, strict=True)),
        }
        if self.card is not None:
            return said | {"card": self.card.data}
        if self.toast is not None:
            toast = self.toast
            return said | {"toast": {"type": toast.kind, "i18n": {"zh_cn": toast.zh, "en_us": toast.en}}}
        return said | {"text": self.text}

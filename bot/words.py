"""Words in a card: one string for all, or Chinese and English side by side."""

from dataclasses import dataclass
from typing import Any

Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """The same thing said in Chinese and in English; each reader sees their language."""

    zh: str
    en: str

    @property
    def both(self) -> tuple[str, str]:
        """Chinese, then English."""
        return (self.zh, self.en)


Words = str | Text


def text(zh: str, en: str) -> Text:
    """Say something in both languages."""
    return Text(zh, en)


def spoken(words: Words) -> Element:
    """Properties ``content`` and, with two languages, ``i18n_content`` (Feishu docs "配置卡片多语言")."""
    if isinstance(words, str):
        return {"content": words}
    return {"content": words.zh, "i18n_content": {"zh_cn": words.zh, "en_us": words.en}}


def plain(words: Words) -> Element:
    """Build a ``plain_text`` object."""
    return {"tag": "plain_text", **spoken(words)}


_ESCAPES = str.maketrans({char: f"&#{ord(char)};" for char in "<>*_~`[]\\&"})


def safe(data: str) -> str:
    """Text from tables as it must stand in markdown: nobody mentions people or draws links through a name."""
    return data.translate(_ESCAPES)


def counted(count: int, word: str, several: str = "") -> str:
    """A count with its English word: ``1 task``, ``1,204 events``; ``several`` where an s is not enough."""
    return f"{count:,} {word if count == 1 else several or f'{word}s'}"

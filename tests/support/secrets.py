"""What a credential looks like that somebody put into a file by mistake."""

import re
from collections.abc import Iterator

_SHAPES = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a Feishu access token": r"\b[tua]-(?:g1)?[A-Za-z0-9]{32,}\b",
    "an image model's or openai's key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a cloud's access key": r"\b(?:AKIA[A-Z0-9]{16}|LTAI[A-Za-z0-9]{12,}|AKID[A-Za-z0-9]{30,})\b",
    "a code host's token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,})",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.",
    "a password in an address": r"\b[a-z+]{4,}://[^\s:/@\"'<>{}$]+:[^\s:/@\"'<>{}$]{6,}@",
    "a pay key": r"\b[a-z0-9]+:[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])",
    "a secret with a value": (
        r"(?i)\b\w*(?:secret|password|passwd|api_?key|access_?token|encrypt_?key)[\"']?\s*[:=]\s*"
        r"[\"'][A-Za-z0-9+/_=-]{24,}[\"']"
    ),
}
SHAPES = {what: re.compile(shape) for what, shape in _SHAPES.items()}
MADE_UP = re.compile(r"(?i)sandbox|made-?up|example|test|dummy|placeholder|x{8}|0{8}|1234|abcdef|shape")
"""Words in the line or the value by which a reader sees that it opens nothing."""

KNOWN = {
    ("tests/runtime/test_log.py", "a Feishu access token"),  # the documentation's own examples
    ("tests/sync/test_files_and_databases.py", "a password in an address"),  # it must not reach an error
}
"""Files and what in them only looks like one."""


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """Line and what it looks like of all that looks like a credential and does not say it is none."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, shape in SHAPES.items():
            found = shape.search(line)
            if found and not MADE_UP.search(line):
                yield number, what

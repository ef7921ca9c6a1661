"""The log: one JSON line an event, with stable event words, and nothing in it that must not leave.

`configure` routes structlog and the standard library's logging to the same place, so that libraries are
masked too. Event words look like `rules.alert_opened`; everything else is a key with a value.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"

SECRET_WORDS = frozenset(
    {"secret", "password", "authorization", "cookie", "ticket", "pin", "token", "signature"}
)
SECRET_KEYS = frozenset({"encrypt_key", "api_key", "access_key", "private_key"})
HARMLESS_KEYS = frozenset({"app_token", "page_token", "file_token", "client_token", "next_page_token"})
"""Names of Feishu objects and positions that end in `token` and open nothing by themselves."""

AMOUNT_WORDS = frozenset({"pay", "salary", "wage", "net", "gross", "bonus", "payslip_total"})
AMOUNT_KEYS = frozenset({"amount_due", "工资", "薪资", "实发", "应发", "实发工资", "应发工资", "奖金"})

_TOKENS = re.compile(
    r"\b(?:t|u|a|p)-[A-Za-z0-9_\-.]{16,}"  # tenant, user, app access tokens as Feishu writes them
    r"|\bBearer\s+[A-Za-z0-9_\-.=]+"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-.]+"  # JSON web tokens
)
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Mask:
    """Hides secrets and amounts of pay in a log line, at any depth.

    Args:
        secrets: values of this installation's credentials, hidden wherever they appear.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first, so that a secret containing another is hidden whole.
        self._secrets = sorted({s for s in secrets if len(s) >= 6}, key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Process one line (structlog's processor protocol)."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Hide secrets inside a sentence."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _TOKENS.sub(HIDDEN, text)

    def _value(self, key: str, value: Any) -> Any:
        if value is not None and is_sensitive(key):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(k): self._value(str(k), v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", item) for item in value]
        if isinstance(value, bool | int | float) or value is None:
            return value
        return self.text(str(value))


def is_sensitive(key: str) -> bool:
    """Tell whether a value under this key must never be seen: credentials and amounts of pay."""
    lower = key.lower()
    if lower in HARMLESS_KEYS:
        return False
    if lower in SECRET_KEYS or lower in AMOUNT_KEYS:
        return True
    words = {word.lower() for word in _WORDS.findall(key)}
    return bool(words & (SECRET_WORDS | AMOUNT_WORDS))


def mask_text(text: str) -> str:
    """Hide secrets in a sentence that goes to a person or the database, as the configured log would."""
    for processor in structlog.get_config()["processors"]:
        if isinstance(processor, Mask):
            return processor.text(text)
    return Mask().text(text)


def configure(level: str, stream: TextIO, *, secrets: Iterable[str] = ()) -> None:
    """Send every log line of this process, ours and the libraries', as JSON to a stream.

    Args:
        level: debug, info, warning or error.
        stream: usually `sys.stderr`.
        secrets: credential values to hide wherever they appear.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    mask = Mask(secrets)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    logging.captureWarnings(
        True
    )  # of libraries: a JSON line, masked, instead of text of their own on the screen
    for noisy in ("apscheduler", "urllib3", "alembic", "dbos", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))


def bound(key: str) -> str | None:
    """What `bind` bound a key to in this thread, if anything."""
    value = structlog.contextvars.get_contextvars().get(key)
    return None if value is None else str(value)


@contextmanager
def bind(**context: Any) -> Iterator[None]:
    """Add keys such as `event_id=` or `work_id=` to every line logged inside the block, in this thread."""
    with structlog.contextvars.bound_contextvars(**context):
        yield

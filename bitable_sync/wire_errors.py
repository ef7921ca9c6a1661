"""The few Feishu codes after which the sync does something of its own (Feishu docs: 多维表格 error codes)."""

from __future__ import annotations

from copy import copy

from runtime.errors import ChorusError

SAID = " Feishu says:"  # how `runtime.feishu` introduces the platform's words
STALE_PAGE = frozenset({1254030, 1254002})  # the page token no longer holds: begin the scan again
UNKNOWN_FIELD = frozenset(
    {1254045, 1254024, 1254044}
)  # a column was renamed or deleted: read the schema again
GONE_RECORD = frozenset({1254043})
PERSON = 1254066  # UserFieldConvFail: a person the application cannot see


def code_of(error: ChorusError) -> int:
    """The platform's code of an error, 0 if it has none."""
    return int(getattr(error, "code", 0) or 0)


def without_words(error: ChorusError) -> ChorusError:
    """The same error without what the platform said: its words may quote the cells of a private table."""
    sentence = getattr(error, "sentence", None)
    if sentence is None:
        return error
    quiet = copy(error)
    ours = str(sentence).partition(SAID)[0]
    quiet.args = (f"{ours} (code {code_of(error)}, {getattr(error, 'endpoint', '')})",)
    vars(quiet)["sentence"] = ours
    return quiet

"""Reading an answer: either the payload, or the error that says what to do next. Pure functions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime import fastjson
from runtime.feishu.codes import CARD_LOCKED, CARD_RULES, DONE, Rule, rule_for
from runtime.feishu.endpoint import Endpoint
from runtime.feishu.errors import (
    Ambiguous,
    Busy,
    FeishuError,
    NotPermitted,
    RateLimited,
    Rejected,
    Unreachable,
)

RESET_HEADER = "x-ogw-ratelimit-reset"
LOG_ID_HEADER = "X-Tt-Logid"
CARD_REFUSED = 230099
SCOPES_MISSING = frozenset({99991672, 99991679})
MESSAGE_LIMIT = 300

_SUB_CODE = re.compile(r"ErrCode:\s*(\d+)")
_SUB_PATH = re.compile(r"ErrPath:\s*([^;]+)")
_SUB_TEXT = re.compile(r"ErrMsg:\s*([^;]+)")
_SCOPE_LIST = re.compile(r"\[([^\[\]]+)\]")
_SCOPE = re.compile(r"^[a-z][a-z0-9_]*(?:[:.][a-z0-9_.]+)+$")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (read without regard to case) and the raw body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def log_id(self) -> str:
        """Return the platform's support id, empty when there is none."""
        return self.headers.get(LOG_ID_HEADER, "")


def read(endpoint: Endpoint, answer: Answer) -> dict[str, Any]:
    """Return the payload of a successful answer.

    Args:
        endpoint: the API that was called.
        answer: as received.

    Returns:
        The whole JSON object, `code` and `msg` included.

    Raises:
        FeishuError: the class says what to do next (see `runtime.feishu.errors`).
    """
    payload = _parse(answer.body)
    if payload is None:
        raise _unusable(endpoint, answer)
    if payload["code"] in DONE or payload["code"] in endpoint.done:
        return payload
    raise refusal(endpoint, answer, payload)


def read_file(endpoint: Endpoint, answer: Answer) -> bytes:
    """Return the bytes of a downloaded file; refusals of a download come as JSON and are raised.

    Raises:
        FeishuError: as `read`.
    """
    is_file = answer.status in {200, 206}
    envelope = (
        "json" in answer.headers.get("Content-Type", "") and "Content-Disposition" not in answer.headers
    )
    if is_file and not envelope:
        return answer.body
    payload = read(endpoint, answer)
    raise lost(endpoint, f"Feishu answered a download with code {payload['code']} and no file.")


def refusal(endpoint: Endpoint, answer: Answer, payload: Mapping[str, Any]) -> FeishuError:
    """Turn a refusal into the error to raise: class by code, sentence for a person, wait from the header."""
    code = int(payload["code"])
    msg = str(payload.get("msg") or "")
    rule = rule_for(endpoint.uri, code) or _unknown(answer.status)
    kind, sentence, wait = rule.kind, rule.sentence, rule.wait
    sub_code, path = None, ""
    scopes: tuple[str, ...] = ()
    if code == CARD_REFUSED:
        rule, sub_code, path = _card_rule(msg, rule)
        kind, sentence, wait = rule.kind, rule.sentence, rule.wait
    if code in SCOPES_MISSING:
        scopes = missing_scopes(payload)
        sentence = f"{sentence}: {', '.join(scopes)}" if scopes else f"{sentence}."
    if kind is Ambiguous and not endpoint.writes:
        kind = Busy
    if kind is RateLimited:
        wait = _reset(answer.headers, wait)
    if msg and kind is not RateLimited:
        sentence = f"{sentence} Feishu says: {msg[:MESSAGE_LIMIT]}"
    return kind(
        sentence,
        code=code,
        endpoint=endpoint.name,
        log_id=answer.log_id,
        wait=wait,
        scopes=scopes,
        sub_code=sub_code,
        path=path,
    )


def missing_scopes(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the permission names a 99991672 asks for, from `error.permission_violations` or the text."""
    error = payload.get("error")
    violations = error.get("permission_violations") if isinstance(error, Mapping) else None
    if isinstance(violations, list):
        named = (str(item.get("subject") or "") for item in violations if isinstance(item, Mapping))
        scopes = tuple(dict.fromkeys(scope for scope in named if scope))
        if scopes:
            return scopes
    found = _SCOPE_LIST.search(str(payload.get("msg") or ""))
    words = (word.strip() for word in found.group(1).split(",")) if found else ()
    return tuple(dict.fromkeys(word for word in words if _SCOPE.match(word)))


def lost(endpoint: Endpoint, what: str, *, log_id: str = "") -> FeishuError:
    """Return the error for a call that was sent and got no usable answer."""
    if endpoint.writes:
        sentence = f"{what} The change may have been made; look it up before sending it again."
        return Ambiguous(sentence, endpoint=endpoint.name, log_id=log_id)
    return Unreachable(
        f"{what} Nothing was changed; it is asked again.", endpoint=endpoint.name, log_id=log_id
    )


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        payload = fastjson.loads(body)
    except ValueError:
        return None
    if isinstance(payload, dict) and isinstance(payload.get("code"), int):
        return payload
    return None


def _unusable(endpoint: Endpoint, answer: Answer) -> FeishuError:
    if answer.status == 429:
        # A limiter in front of the gateway: refused before anything was done.
        sentence = "Feishu asks for a pause; the call is made again later."
        wait = _reset(answer.headers, 1.0)
        return RateLimited(sentence, endpoint=endpoint.name, log_id=answer.log_id, wait=wait)
    kind = "an empty answer" if not answer.body.strip() else "an answer that is not Feishu's JSON"
    return lost(endpoint, f"Feishu gave {kind} with status {answer.status}.", log_id=answer.log_id)


def _unknown(status: int) -> Rule:
    if status == 429:
        return Rule(RateLimited, "Feishu asks for a pause; the call is made again later.", 1.0)
    if status >= 500:
        return Rule(Ambiguous, "Feishu had an internal error.")
    if status == 403:
        return Rule(NotPermitted, "Feishu does not allow this; check the app's permissions.")
    return Rule(Rejected, "Feishu refused the request.")


def _card_rule(msg: str, general: Rule) -> tuple[Rule, int | None, str]:
    found = _SUB_CODE.search(msg)
    sub_code = int(found.group(1)) if found else None
    place = _SUB_PATH.search(msg)
    path = place.group(1).strip() if place else ""
    text = _SUB_TEXT.search(msg)
    reason = text.group(1).strip() if text else ""
    if sub_code == 11310 and "lock" in reason:
        return CARD_LOCKED, sub_code, path
    return CARD_RULES.get(sub_code or 0, general), sub_code, path


def _reset(headers: Mapping[str, str], default: float | None) -> float:
    try:
        asked = float(headers.get(RESET_HEADER, ""))
    except ValueError:
        asked = 0.0
    return asked if asked > 0 else (default or 1.0)

"""From an answer to an error: decided by code, told in a sentence."""

import json
from typing import Any

import pytest

from runtime.errors import PermanentError, TransientError, UnknownOutcome
from runtime.feishu import codes
from runtime.feishu.answers import Answer, missing_scopes, read, read_file
from runtime.feishu.bitable import BATCH_CREATE, BATCH_GET, SEARCH
from runtime.feishu.drive import DOWNLOAD, UNSUBSCRIBE
from runtime.feishu.errors import (
    Ambiguous,
    Busy,
    FeishuError,
    NotFound,
    NotPermitted,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TokenRefused,
    Unreachable,
)
from runtime.feishu.im import REPLY, SEND, UPDATE
from runtime.feishu.tokens import TENANT_TOKEN


def answer(code: int | None = None, *, status: int = 200, body: bytes | None = None, **more: Any) -> Answer:
    """An answer of the platform: a JSON refusal, or any body."""
    headers = {"X-Tt-Logid": "log-1", "Content-Type": "application/json"} | more.pop("headers", {})
    payload = {"code": code, "msg": more.pop("msg", "said so"), **more}
    return Answer(status, headers, body if body is not None else json.dumps(payload).encode())


def refused(endpoint: Any, given: Answer) -> FeishuError:
    """The error an answer raises."""
    with pytest.raises(FeishuError) as caught:
        read(endpoint, given)
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (99991400, RateLimited),
        (230020, RateLimited),
        (1254290, RateLimited),
        (1254291, Busy),
        (1254607, Busy),
        (1254036, Busy),
        (230049, Busy),
        (1255040, Ambiguous),
        (1255001, Ambiguous),
        (1254608, Ambiguous),
        (1255006, Ambiguous),
        (99991663, TokenRefused),
        (99991671, TokenRefused),
        (99991403, QuotaExhausted),
        (99991672, NotPermitted),
        (1254302, NotPermitted),
        (1254043, NotFound),
        (1254045, NotFound),
        (1254062, Rejected),
        (1254104, Rejected),
        (131001, Ambiguous),
        (131005, NotFound),
        (131006, NotPermitted),
        (131008, Rejected),
        (131009, Busy),
        (1770002, NotFound),
        (1770013, Rejected),
        (1770032, NotPermitted),
        (1771001, Ambiguous),
        (1470400, Rejected),
        (1470403, NotPermitted),
        (1470404, NotFound),
        (1470422, Busy),
        (1470500, Ambiguous),
        (123456789, Rejected),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_the_code_decides_whatever_the_status(code: int, kind: type[FeishuError], status: int) -> None:
    """The same code gives the same class with HTTP 200, 400 or 403, and keeps code, API and log id."""
    if code == 123456789 and status == 403:
        kind = NotPermitted
    error = refused(BATCH_CREATE, answer(code, status=status))
    assert type(error) is kind
    assert (error.code, error.log_id, error.endpoint) == (code, "log-1", BATCH_CREATE.name)
    assert "log-1" in str(error)


@pytest.mark.parametrize("code", [1255040, 1255001, 1395001, 1069601])
def test_an_unknown_outcome_of_a_read_is_only_busy(code: int) -> None:
    """Nothing can have happened on a read, so it may simply be asked again."""
    assert type(refused(SEARCH, answer(code))) is Busy


def test_no_difference_is_success() -> None:
    """1254606 says the field already is as asked."""
    assert read(BATCH_CREATE, answer(1254606))["code"] == 1254606


def test_a_wanted_state_is_success_on_its_own_api_only() -> None:
    """Not being subscribed is what unsubscribing wants, and an error elsewhere."""
    assert read(UNSUBSCRIBE, answer(1069605, status=400))
    assert type(refused(SEARCH, answer(1069605, status=400))) is Rejected


@pytest.mark.parametrize("status", [429, 400])
def test_the_reset_header_says_how_long_to_wait(status: int) -> None:
    """The wait of 99991400 is the platform's number, with HTTP 429 and with the older 400."""
    error = refused(SEND, answer(99991400, status=status, headers={"x-ogw-ratelimit-reset": "7"}))
    assert isinstance(error, TransientError)
    assert error.wait == 7.0


def test_a_rate_limit_without_header_waits_a_second() -> None:
    """IM's own limit 230020 carries no header."""
    assert refused(SEND, answer(230020, status=400)).wait == 1.0


@pytest.mark.parametrize(
    "body", [b"", b"<html>502 Bad Gateway</html>", b"[]", b'{"hello": 1}', b'{"code": "x"}']
)
def test_an_answer_that_is_not_feishus_is_unknown_for_writes_only(body: bytes) -> None:
    """HTML, nothing, or JSON without a code: a write may have happened, a read is asked again."""
    assert type(refused(SEND, answer(body=body, status=502))) is Ambiguous
    assert type(refused(BATCH_GET, answer(body=body, status=502))) is Unreachable


def test_an_unknown_code_with_5xx_is_unknown_for_writes() -> None:
    """A server error that names no known code leaves a write open."""
    assert type(refused(SEND, answer(987, status=500))) is Ambiguous
    assert type(refused(SEARCH, answer(987, status=500))) is Busy


def test_a_limiter_without_json_is_a_rate_limit() -> None:
    """A bare 429 was refused before anything was done, also for a write."""
    assert type(refused(SEND, answer(body=b"slow down", status=429))) is RateLimited


def test_missing_scopes_are_named() -> None:
    """99991672 lists the permissions to grant, from the error object or from the text."""
    violations = {"permission_violations": [{"type": "x", "subject": "im:message"}, {"subject": "im:chat"}]}
    error = refused(SEND, answer(99991672, status=400, error=violations))
    assert error.scopes == ("im:message", "im:chat")
    assert "im:message, im:chat" in str(error)
    text = "Access denied. One of the following scopes is required: [im:message, im:message:send_as_bot]."
    assert missing_scopes({"msg": text}) == ("im:message", "im:message:send_as_bot")
    assert missing_scopes({"msg": "denied"}) == ()


def test_a_refused_card_says_where_and_why() -> None:
    """230099 hides the real code and the place in its text."""
    msg = (
        "Failed to create card content, ext=ErrCode: 200570; "
        "ErrPath: ROOT -> body -> elements -> [2](tag: img); ErrMsg: image key is invalid; ErrorValue: x"
    )
    error = refused(SEND, answer(230099, status=400, msg=msg))
    assert type(error) is Rejected
    assert error.sub_code == 200570
    assert error.path == "ROOT -> body -> elements -> [2](tag: img)"
    assert "upload it first" in error.sentence


def test_a_locked_card_is_only_busy() -> None:
    """Sub-code 11310 means many things; somebody tapping the card passes by itself."""
    msg = "Failed to create card content, ext=ErrCode: 11310; ErrMsg: card action is lock; ErrorValue: "
    assert type(refused(UPDATE, answer(230099, status=400, msg=msg))) is Busy
    other = "ext=ErrCode: 11310; ErrMsg: card table number over limit"
    assert type(refused(UPDATE, answer(230099, status=400, msg=other))) is Rejected


def test_the_same_number_means_other_things_elsewhere() -> None:
    """230071 on a reply is about topics, on a change about the sender; 10003 for a token about the secret."""
    assert "topic" in refused(REPLY, answer(230071)).sentence
    assert type(refused(UPDATE, answer(230071))) is NotPermitted
    assert "FEISHU_APP_SECRET" in refused(TENANT_TOKEN, answer(10003)).sentence


def test_every_error_belongs_to_one_retry_class() -> None:
    """The durable engine knows three kinds; each error that leaves the door is exactly one of them."""
    kinds = (TransientError, UnknownOutcome, PermanentError)
    for kind in FeishuError.__subclasses__():
        if kind is not TokenRefused:
            assert sum(issubclass(kind, one) for one in kinds) == 1, kind


def test_every_sentence_is_one() -> None:
    """What people read ends as a sentence; the two sentences that are continued are finished elsewhere."""
    rules = [*codes.RULES.values(), *codes.OVERRIDES.values(), *codes.CARD_RULES.values()]
    assert all(rule.sentence.endswith((".", ")")) or rule.sentence == codes.SCOPE for rule in rules)


def test_a_download_gives_bytes_or_the_refusal() -> None:
    """A file is passed on as it is, even one that is JSON; a refusal is raised."""
    headers = {"Content-Type": "application/octet-stream"}
    assert read_file(DOWNLOAD, answer(body=b"\x00\x01", headers=headers)) == b"\x00\x01"
    as_file = {"Content-Disposition": 'attachment; filename="x.json"'}
    assert read_file(DOWNLOAD, answer(body=b'{"code":5}', headers=as_file)) == b'{"code":5}'
    with pytest.raises(NotFound):
        read_file(DOWNLOAD, answer(1061003))
    with pytest.raises(Unreachable):
        read_file(DOWNLOAD, answer(body=b"<html>", status=502, headers={"Content-Type": "text/html"}))

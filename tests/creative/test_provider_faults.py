"""Everything that can go wrong with a call, through the real SDK: what may be asked again, what is spent."""

from collections.abc import Iterator
from typing import Any

import pytest

from creative.providers.model import ImageModel, Kind, Lost, Refused, Unavailable
from creative.providers.profiles import QWEN
from sandbox.server import SandboxServer
from tests.contract.kit import calls, control
from tests.creative.models_kit import (
    GENERATIONS,
    ORDER,
    PAGE,
    QUICK,
    WHOLE,
    Open,
    answer,
    b64,
    bills,
    item,
    opened_on,
    png,
    said,
)
from tests.support.wait import until


@pytest.fixture(scope="module")
def open_on(sandbox_server: SandboxServer) -> Iterator[Open]:
    """Opens a profile on the sandbox."""
    yield from opened_on(sandbox_server)


HARMLESS = {
    "429": (answer(429, said("rate_limit_exceeded"), Retry_After="7"), "rate", 7.0),
    "429 for long": (answer(429, said("x"), Retry_After="300"), "rate", 300.0),
    "429 page": (answer(429, PAGE), "rate", None),
    "429 quota": (answer(429, said("insufficient_quota")), "quota", None),
    "429 quota in type": (answer(429, said("", kind="insufficient_quota")), "quota", None),
    "429 cap of the console": (answer(429, said("SetLimitExceeded")), "quota", None),
    "400 no money": (answer(400, said("billing_hard_limit_reached")), "quota", None),
    "400 arrears": (answer(400, {"code": "Arrearage", "message": "overdue"}), "quota", None),
    "429 ark": (answer(429, said("ModelAccountIpmRateLimitExceeded")), "rate", None),
    "400 throttling": (answer(400, said("Throttling.RateQuota")), "rate", None),
    "401": (answer(401, said("invalid_api_key")), "auth", None),
    "403": (answer(403, said("unsupported_country_region_territory")), "auth", None),
    "404 page": (answer(404, PAGE), "auth", None),
    "302": (answer(302, "", Location="http://127.0.0.1:9/"), "auth", None),
    "500": (answer(500, said("server_error", "The server had an error")), "down", None),
    "503": (answer(503, said("overloaded", "try later"), Retry_After="20"), "down", 20.0),
    "200 with rate": (answer(200, said("rate_limit_exceeded")), "rate", None),
}
LOST = {
    "500 without a word": answer(500, ""),
    "500 from a proxy": answer(500, said("bad_response_status_code", "upstream error")),
    "500 timeout": answer(500, said("server_error", "request timed out")),
    "502": answer(502, said("server_error")),
    "503 page": {"kind": "html", "status": 503},
    "504": {"kind": "html", "status": 504},
    "408": answer(408, said("timeout")),
    "200 page": answer(200, PAGE, done=True, Content_Type="text/html"),
    "200 nothing": answer(200, "", done=True),
    "200 half of the json": answer(200, '{"created": 1, "data": [{"b64', done=True),
    "200 a list": answer(200, "[]", done=True, Content_Type="application/json"),
    "200 error": answer(200, said("oops", "something"), done=True),
    "200 error in words": answer(200, {"error": "something"}, done=True),
    "200 empty data": answer(200, {"created": 1, "data": []}, done=True),
    "200 null data": answer(200, {"created": 1, "data": None}, done=True),
    "200 empty item": answer(200, item(), done=True),
    "200 item with an error": answer(200, item(error={"code": "Internal", "message": "x"}), done=True),
    "broken base64": answer(200, item(b64_json="%%% no %%%"), done=True),
    "base64 of text": answer(200, item(b64_json=b64(b"<html>not a picture</html>")), done=True),
    "half a png": answer(200, item(b64_json=b64(WHOLE[: len(WHOLE) // 2])), done=True),
    "a dot": answer(200, item(b64_json=b64(png((1, 2, 3), 1))), done=True),
    "a private address": answer(200, item(url="https://10.0.0.8/a.png"), done=True),
    "an address without TLS": answer(200, item(url="http://images.example/a.png"), done=True),
    "an address of no file": answer(200, item(url="file:///etc/passwd"), done=True),
    "dropped before": {"kind": "drop_before"},
    "dropped after": {"kind": "drop_after"},
    "dropped in the middle": {"kind": "drop_mid"},
}
REFUSED = {
    "words": (answer(400, said("moderation_blocked", "safety_violations=[x]")), "moderation_input"),
    "ark words": (answer(400, said("InputTextSensitiveContentDetected.PolicyViolation")), "moderation_input"),
    "ark picture": (answer(400, said("InputImageSensitiveContentDetected")), "moderation_input"),
    "ark output": (answer(400, said("OutputImageSensitiveContentDetected")), "moderation_output"),
    "qwen output": (answer(400, said("DataInspectionFailed", "Output data may …")), "moderation_output"),
    "in a 200": (answer(200, said("moderation_blocked")), "moderation_input"),
    "in an item": (
        answer(200, item(error={"code": "OutputImageSensitiveContentDetected"})),
        "moderation_output",
    ),
    "parameter": (answer(400, said("InvalidParameter", "size")), "invalid"),
    "too large": (answer(413, PAGE), "invalid"),
    "unprocessable": (answer(422, {"detail": "x"}), "invalid"),
}


def struck(sandbox: SandboxServer, model: ImageModel, fault: dict[str, Any]) -> Any:
    """Paint under a fault; the error, once it is sure that the request went out exactly once."""
    control(sandbox, "POST", "faults", match={"path": GENERATIONS}, **fault)
    with pytest.raises((Refused, Unavailable, Lost)) as caught:
        model.paint(ORDER)
    assert len(calls(sandbox, "/images/generations")) == 1
    return caught.value


@pytest.mark.parametrize("name", HARMLESS)
def test_what_surely_costs_nothing_may_be_asked_again(
    sandbox: SandboxServer, open_on: Open, name: str
) -> None:
    """Unavailable, with its reason, the wait that was asked for, nothing billed, and no retry of our own."""
    fault, reason, wait = HARMLESS[name]
    error = struck(sandbox, open_on(QWEN, **QUICK[Kind.QWEN]), fault)
    assert (type(error), error.reason, error.wait) == (Unavailable, reason, wait)
    assert bills(sandbox) == []
    assert str(error).endswith("。")


@pytest.mark.parametrize("name", LOST)
def test_what_may_have_been_billed_is_lost(sandbox: SandboxServer, open_on: Open, name: str) -> None:
    """Lost, never Unavailable: the sandbox did bill those whose work was done."""
    fault = LOST[name]
    error = struck(sandbox, open_on(QWEN, **QUICK[Kind.QWEN]), fault)
    assert type(error) is Lost
    assert error.detail
    billed = fault.get("done", False) or fault["kind"] in ("drop_after", "drop_mid")
    assert len(bills(sandbox)) == int(billed)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_provider_will_not_paint_is_refused(
    sandbox: SandboxServer, open_on: Open, name: str
) -> None:
    """Refused, with what to change."""
    fault, reason = REFUSED[name]
    error = struck(sandbox, open_on(QWEN, **QUICK[Kind.QWEN]), fault)
    assert (type(error), error.reason) == (Refused, reason)


def test_a_late_answer_is_lost_and_billed(sandbox: SandboxServer, open_on: Open) -> None:
    """The picture is done, the answer comes after our patience: spent, and not ours."""
    control(sandbox, "POST", "faults", match={"path": GENERATIONS}, kind="late", seconds=1.5)
    with pytest.raises(Lost) as caught:
        open_on(QWEN, **QUICK[Kind.QWEN], timeout=0.8).paint(ORDER)
    assert "ReadTimeout" in caught.value.detail
    until(lambda: calls(sandbox, "/images/"), what="the late answer to be over")
    assert len(bills(sandbox)) == 1

"""The log tells what happened with stable words, and never a secret or an amount of pay."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from runtime.log import bind, configure, is_sensitive, mask_text
from tests.support.leaks import assert_no_leak

SECRET = "app-secret-7c1f"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the configured log goes; everything is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    configure("debug", text, secrets=[SECRET])
    yield text
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_a_word_a_time_a_level_and_its_keys(stream: io.StringIO) -> None:
    """One JSON object a line, Chinese readable as it is."""
    structlog.get_logger("rules").info("rules.alert_opened", alert="a1", plan="计划一")
    (line,) = lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "rules.alert_opened",
        "level": "info",
        "logger": "rules",
        "alert": "a1",
        "plan": "计划一",
    }
    assert "计划一" in stream.getvalue()


def test_context_is_on_every_line_inside_the_block_only(stream: io.StringIO) -> None:
    """What is bound for an event does not stick to the next one."""
    log = structlog.get_logger()
    with bind(event_id="e1", work_id="w1"):
        log.info("a")
        logging.getLogger("library").warning("b %s", "c")
    log.info("d")
    first, second, third = lines(stream)
    assert (first["event_id"], second["event_id"], second["event"]) == ("e1", "e1", "b c")
    assert "event_id" not in third


SECRETS = [
    SECRET,
    "t-g1044ghJRUIJJ5ELPrGCQ5PBYVAJ6ZQXW5FKFNSX",
    "s3cr3t",
    "u-7ZYXgTbO55VHKUkOmJ3ppa4l1Uxl5lq5",
]
AMOUNTS = ["12345.67", "8800.00"]


@pytest.mark.parametrize(
    "keys",
    [
        {"app_secret": "s3cr3t"},
        {"tenant_access_token": "s3cr3t"},
        {"headers": {"Authorization": f"Bearer {SECRETS[1]}"}},
        {"note": f"called with {SECRET} in the middle"},
        {"url": f"https://x/?token={SECRETS[3]}"},
        {"pay": "12345.67"},
        {"net_pay": 8800.00},
        {"slip": {"gross": "12345.67", "lines": [{"实发工资": "8800.00"}]}},
        {"salaryTotal": "12345.67"},
        {"amount_due": "12345.67"},
        {"rows": [("net", {"net": "8800.00"})]},
        {"object": Exception(f"refused {SECRET}")},
    ],
)
def test_secrets_and_amounts_never_reach_the_log(stream: io.StringIO, keys: dict[str, Any]) -> None:
    """By the key's name, by their shape, or because they are this installation's; at any depth."""
    structlog.get_logger().info("x", **keys)
    assert_no_leak(stream.getvalue(), SECRETS, AMOUNTS)


def test_an_exception_is_logged_without_the_secrets_in_its_text(stream: io.StringIO) -> None:
    """A trace back is kept, what must not leave is not."""

    def fail() -> None:
        raise ValueError(f"refused: Bearer {SECRETS[1]} and {SECRET}")

    for log in (structlog.get_logger(), logging.getLogger("library")):
        try:
            fail()
        except ValueError:
            log.exception("failed")
    assert_no_leak(stream.getvalue(), SECRETS)
    assert [line["exception"].count("ValueError") > 0 for line in lines(stream)] == [True, True]


@pytest.mark.parametrize(
    ("key", "sensitive"),
    [
        # Ids and positions that end in token open nothing by themselves.
        ("app_token", False),
        ("page_token", False),
        ("client_token", False),
        # Words that merely contain a sensitive one are harmless.
        ("network", False),
        ("payload", False),
        ("spinner", False),
        ("dedupe_key", False),
        ("user_access_token", True),
        ("encrypt_key", True),
        ("netPay", True),
        ("pin", True),
    ],
)
def test_which_keys_are_sensitive(key: str, sensitive: bool) -> None:
    """Whole words decide."""
    assert is_sensitive(key) is sensitive


def test_a_sentence_for_a_person_is_masked_like_the_log(stream: io.StringIO) -> None:
    """Parked works are read by people."""
    assert_no_leak(mask_text(f"{SECRET} {SECRETS[1]}"), SECRETS)


def test_the_level_is_obeyed_and_noisy_libraries_are_quiet(stream: io.StringIO) -> None:
    """Our info lines are not drowned."""
    logging.getLogger("urllib3").info("connection")
    configure("warning", stream)
    structlog.get_logger().info("too quiet")
    assert stream.getvalue() == ""


def test_nobody_writes_a_line_of_their_own(stream: io.StringIO) -> None:
    """Line breaks, escape sequences and quotes from outside stay inside the value they came in."""
    forged = 'x"}\r\n{"event": "rules.alert_opened", "level": "info"}\u2028\x1b[2J\x00'
    structlog.get_logger("bot").warning("tap.unhandled", hint=forged, **{f"k{forged}": forged})
    logging.getLogger("library").warning("%s", forged)
    written = stream.getvalue()
    assert [line["event"] for line in map(json.loads, written.split("\n")[:-1])] == ["tap.unhandled", forged]
    assert not {"\r", "\x1b", "\x00"} & set(written)


def test_a_warning_of_a_library_is_a_line_like_any_other(stream: io.StringIO) -> None:
    """Python prints them as text of their own, unmasked, where JSON lines are expected."""
    with warnings.catch_warnings():  # pytest has put its own way of showing them in between
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        configure("debug", stream, secrets=[SECRET])
        warnings.warn(f"odd file\n{SECRET}", UserWarning, stacklevel=1)
        logging.captureWarnings(False)
    (line,) = map(json.loads, stream.getvalue().split("\n")[:-1])
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert SECRET not in stream.getvalue()

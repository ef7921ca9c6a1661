"""The payslip: what it says, and that only its own place opens it."""

from decimal import Decimal

import pytest

from payslip.documents import canonical
from payslip.slip import SlipKey, open_slip, open_words, seal_slip, seal_words
from runtime.vault import CannotOpen, Sealed
from tests.payslip import kit
from tests.payslip.pages_kit import KEY, TENANT, pay, slip, vault
from tests.support.leaks import assert_no_leak


def key_of(made: object) -> SlipKey:
    """The place of the ordinary payslip, version 1."""
    del made
    return SlipKey(slip().run, slip().no, 1)


def test_it_says_what_was_computed_and_how() -> None:
    """Lines with their explanation, totals and the tax trail are those of the pay, unchanged."""
    computed = pay()
    made = slip(paid=computed)
    assert made.lines == computed.lines
    assert made.totals == computed.totals
    assert made.trail == computed.trail
    assert (made.month, str(made.pay_date), made.version) == ("2026-10", "2026-11-10", 1)
    assert made.year.withheld == Decimal("659.20")
    assert made.year.income == computed.trail.income


def test_of_the_account_only_the_last_four_remain() -> None:
    """The number itself is not part of the document; a short one shows nothing at all."""
    made = slip(kit.person())
    assert made.account_tail == "0001"
    assert_no_leak(canonical(made).decode(), secrets=["6214830000000000001", "621483000000000"])
    short = kit.person(account={"bank": "支付宝", "number": "a@b.cn", "holder": "王芳"})
    assert slip(short).account_tail == ""
    assert slip(kit.person(account=None)).account_tail == ""
    address = {"bank": "支付宝", "number": "fang.wang2019@x.example", "holder": "王芳"}
    assert slip(kit.person(account=address)).account_tail == "2019"


def test_attendance_that_is_not_there_is_not_zero() -> None:
    """A figure nobody delivered is left out."""
    someone = kit.person()
    partly = someone.model_copy(update={"fields": {"应出勤天数": Decimal(21), "病假天数": Decimal("0.5")}})
    assert [(each.name, each.value) for each in slip(partly).attendance] == [
        ("应出勤天数", Decimal(21)),
        ("病假天数", Decimal("0.5")),
    ]


def test_anothers_pay_does_not_go_on_a_payslip() -> None:
    """Mixing up two people is a refusal, not a payslip."""
    from payslip.slip import make_slip  # noqa: PLC0415
    from tests.payslip.pages_kit import books, facts  # noqa: PLC0415

    with pytest.raises(ValueError, match="E001 does not belong on the payslip of E002"):
        make_slip(books(), kit.person(no="E002"), pay(), facts())


def test_sealing_and_opening_gives_the_very_same_document() -> None:
    """Equal bytes; equal digests for equal content though each seal has a key of its own."""
    made = slip()
    one, two = seal_slip(vault(), TENANT, made), seal_slip(vault(), TENANT, made)
    assert open_slip(vault(), TENANT, key_of(made), one.text) == made
    assert one.text != two.text
    assert one.digest == two.digest
    assert one.digest != seal_slip(vault(), TENANT, slip(version=2)).digest


@pytest.mark.parametrize(
    ("tenant", "run", "no", "version"),
    [
        ("cli_other", "2026-10.1", "E001", 1),
        (TENANT, "2026-10.2", "E001", 1),
        (TENANT, "2026-10.1", "E002", 1),
        (TENANT, "2026-10.1", "E001", 2),
    ],
)
def test_moved_to_another_place_it_does_not_open(tenant: str, run: str, no: str, version: int) -> None:
    """Tenant, run, person and version are authenticated: a row copied over another's opens nothing."""
    from payslip.documents import EmployeeNo, RunId  # noqa: PLC0415

    sealed = seal_slip(vault(), TENANT, slip())
    with pytest.raises(CannotOpen):
        open_slip(vault(), tenant, SlipKey(RunId(run), EmployeeNo(no), version), sealed.text)


def test_with_another_key_or_changed_bytes_it_does_not_open() -> None:
    """The wrong key and a flipped bit are both refused, and the sentence shows nothing of it."""
    sealed = seal_slip(vault(), TENANT, slip())
    with pytest.raises(CannotOpen) as refused:
        open_slip(vault(bytes(reversed(KEY))), TENANT, key_of(None), sealed.text)
    assert_no_leak(str(refused.value), amounts=["9176.35", "8000.00"])
    parts = Sealed.from_text(sealed.text)
    bent = Sealed(parts.key_id, parts.wrapped, parts.nonce, parts.body[:-1] + bytes([parts.body[-1] ^ 1]))
    with pytest.raises(CannotOpen):
        open_slip(vault(), TENANT, key_of(None), bent.to_text())


def test_a_sealed_payslip_shows_no_amount() -> None:
    """Neither the text nor the digest holds a figure."""
    sealed = seal_slip(vault(), TENANT, slip())
    assert_no_leak(sealed.text + sealed.digest, amounts=["9176.35", "10919.27", "8000.00"])


def test_words_of_a_dispute_open_only_as_what_they_are() -> None:
    """A text cannot be passed off as an answer, nor for another dispute."""
    stored = seal_words(vault(), TENANT, "d1", "text", "少算了 3 小时")
    assert open_words(vault(), TENANT, "d1", "text", stored) == "少算了 3 小时"
    with pytest.raises(CannotOpen):
        open_words(vault(), TENANT, "d1", "answer", stored)
    with pytest.raises(CannotOpen):
        open_words(vault(), TENANT, "d2", "text", stored)

"""What is sealed opens only in its place and with its key; rotation touches no content."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ConfigError
from runtime.settings import Settings, load_settings
from runtime.vault import CannotOpen, Keys, Sealed, Vault, new_key, open_vault, parse_keys

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
TEXT = base64.b64encode(OLD).decode()
PLACE = ("slip", "tenant", "2026-10.1", "YR0007", "1")


def vault(**keys: bytes) -> Vault:
    return Vault(Keys(keys or {"old": OLD}))


@given(st.binary(max_size=300))
def test_what_is_sealed_comes_back(content: bytes) -> None:
    sealed = vault().seal(content, PLACE)
    assert vault().open(Sealed.from_text(sealed.to_text()), PLACE) == content
    assert len(content) < 8 or content not in sealed.body


def test_the_same_content_never_looks_the_same() -> None:
    first, second = (vault().seal(b"12345.67", PLACE) for _ in range(2))
    assert {first.body, first.wrapped, first.nonce}.isdisjoint({second.body, second.wrapped, second.nonce})


@pytest.mark.parametrize("at", range(len(PLACE)))
def test_a_sealed_thing_opens_nowhere_else(at: int) -> None:
    sealed = vault().seal(b"x", PLACE)
    elsewhere = [*PLACE[:at], PLACE[at] + "1", *PLACE[at + 1 :]]
    with pytest.raises(CannotOpen):
        vault().open(sealed, elsewhere)


def test_borders_between_words_of_a_place_count() -> None:
    sealed = vault().seal(b"x", ("a", "bc"))
    for other in (("ab", "c"), ("abc",), ("a", "b", "c")):
        with pytest.raises(CannotOpen):
            vault().open(sealed, other)


def test_every_flipped_byte_is_found() -> None:
    sealed = vault().seal(b"12345.67", PLACE)
    for field in ("body", "nonce", "wrapped"):
        whole = getattr(sealed, field)
        for at in range(len(whole)):
            flipped = bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]])
            with pytest.raises(CannotOpen):
                vault().open(replace(sealed, **{field: flipped}), PLACE)


@pytest.mark.parametrize("text", ["", "1.a.b", "2.old.AA==.AA==.AA==", "1.old.*.AA==.AA==", "12345.67"])
def test_anything_else_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(CannotOpen, match="damaged"):
        Sealed.from_text(text)


def test_rotation_rewraps_and_touches_no_content() -> None:
    sealed = vault(old=OLD).seal(b"x", PLACE)
    both = vault(new=NEW, old=OLD)
    again = both.rewrap(sealed)
    assert (again.key_id, again.body, again.nonce) == ("new", sealed.body, sealed.nonce)
    assert Vault(Keys({"new": NEW})).open(again, PLACE) == b"x"
    with pytest.raises(CannotOpen, match="old"):
        Vault(Keys({"new": NEW})).open(sealed, PLACE)
    with pytest.raises(CannotOpen, match="not the one"):
        Vault(Keys({"old": NEW})).open(sealed, PLACE)


def test_digests_and_derived_keys_survive_a_new_key_in_front() -> None:
    assert vault(old=OLD).digest("pay", b"x") == vault(new=NEW, old=OLD).digest("pay", b"x")
    assert vault(old=OLD).derive("pin") == vault(new=NEW, old=OLD).derive("pin")
    assert len({vault().digest(purpose, b"x") for purpose in ("pay", "pin", "slip")}) == 3


def settings(tmp_path: Path, **values: Any) -> Settings:
    given = {
        "feishu_app_id": "cli_1",
        "feishu_app_secret": "s",
        "feishu_encrypt_key": "k",
        "var_dir": tmp_path,
    }
    return load_settings(**(given | values))


def test_keys_come_from_the_environment_a_file_or_a_key_service(tmp_path: Path) -> None:
    assert open_vault(settings(tmp_path)) is None
    one, two = new_key("k1"), new_key("k2")
    from_text = open_vault(settings(tmp_path, pay_keys=f"{two}, {one}"))
    file = tmp_path / "keys"
    file.write_text(f"{two}\n{one}\n", "utf-8")
    from_file = open_vault(settings(tmp_path, pay_keys_file=file))
    assert from_text is not None
    assert from_file is not None
    sealed = from_text.seal(b"x", PLACE)
    assert (sealed.key_id, from_file.open(sealed, PLACE)) == ("k2", b"x")
    service = open_vault(settings(tmp_path, pay_kms=f"{__name__}:make_service"))
    assert service is not None
    assert service.open(service.seal(b"y", PLACE), PLACE) == b"y"


def make_service(given: Settings) -> Keys:
    """A company's own key service, as ``CHORUS_PAY_KMS`` names it."""
    assert given.feishu_app_id == "cli_1"
    return Keys({"kms": NEW})


@pytest.mark.parametrize("text", ["", "k1", "k1:short", f"k 1:{TEXT}", f"a:{TEXT},a:{TEXT}"])
def test_wrong_keys_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Keys(parse_keys(text))
    assert TEXT not in str(refused.value)


def test_places_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CHORUS_PAY_KEYS_FILE"):
        open_vault(settings(tmp_path, pay_keys_file=tmp_path / "none"))
    with pytest.raises(ConfigError, match="CHORUS_PAY_KMS"):
        open_vault(settings(tmp_path, pay_kms="no.such.module:make"))

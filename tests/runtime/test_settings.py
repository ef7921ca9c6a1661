"""Settings come from the environment; a wrong one becomes a sentence with its name, not its value."""

from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.settings import Settings, env_name, load_settings
from tests.support.leaks import assert_no_leak

GOOD = {
    "FEISHU_APP_ID": "cli_a",
    "FEISHU_APP_SECRET": "very-secret-value",
    "FEISHU_ENCRYPT_KEY": "encrypt-key-value",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean environment with the required variables."""
    for field in Settings.model_fields:
        monkeypatch.delenv(env_name(field), raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_the_environment_is_read_by_the_documented_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feishu's and the database's variables have their usual names, all others start with CHORUS_."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/chorus")
    monkeypatch.setenv("CHORUS_PORT", "9000")
    monkeypatch.setenv("CHORUS_PUBLIC_URL", "https://example.com/")
    settings = load_settings()
    assert settings.feishu_app_id == "cli_a"
    assert settings.feishu_app_secret.get_secret_value() == "very-secret-value"
    assert (settings.port, settings.database_url) == (9000, "postgresql://db/chorus")
    assert settings.mirror_url == "postgresql://db/chorus"
    assert settings.public_url == "https://example.com"


def test_the_databases_lie_under_var_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable moves everything the product writes."""
    monkeypatch.setenv("CHORUS_VAR_DIR", "/srv/chorus")
    settings = load_settings()
    assert settings.database_url == "sqlite:////srv/chorus/chorus.db"
    assert settings.mirror_url == "sqlite:////srv/chorus/mirror.db"


def test_overrides_win_over_the_environment(tmp_path: Path) -> None:
    """The command line and tests may say otherwise."""
    assert load_settings(var_dir=tmp_path, instance="w2").instance == "w2"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CHORUS_PUBLIC_URL=` in a file means the default."""
    monkeypatch.setenv("CHORUS_PUBLIC_URL", "")
    assert load_settings().public_url is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("FEISHU_APP_ID", None, "FEISHU_APP_ID is not set; it is required."),
        ("CHORUS_PORT", "eighty", "CHORUS_PORT must be a whole number"),
        ("CHORUS_PORT", "99999", "CHORUS_PORT must be a whole number"),
        ("CHORUS_LOG_LEVEL", "loud", "CHORUS_LOG_LEVEL is none of debug, info, warning, error."),
        ("FEISHU_BASE_URL", "open.feishu.cn", "FEISHU_BASE_URL is no address; it must start with https://"),
        ("CHORUS_ALLOW_UNENCRYPTED_EVENTS", "perhaps", "must be true or false"),
        ("CHORUS_INSTANCE", "a b", "CHORUS_INSTANCE is wrong"),
        ("DATABASE_URL", "mysql://x", "DATABASE_URL is no address we can use"),
    ],
)
def test_a_wrong_setting_is_a_sentence_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, sentence: str
) -> None:
    """The reader learns which variable and what is expected, and sees no value of it."""
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert sentence in str(caught.value)
    assert_no_leak(str(caught.value), secrets=["very-secret-value", "encrypt-key-value"])


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to start the server five times to find five mistakes."""
    monkeypatch.delenv("FEISHU_APP_ID")
    monkeypatch.setenv("CHORUS_PORT", "x")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "FEISHU_APP_ID" in str(caught.value)
    assert "CHORUS_PORT" in str(caught.value)
    assert "DATABASE_URL" not in str(caught.value)  # nothing is wrong with it


def test_there_is_no_start_without_an_encrypt_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unverified events would let anybody act; only an explicit flag allows it."""
    monkeypatch.delenv("FEISHU_ENCRYPT_KEY")
    with pytest.raises(ConfigError, match="FEISHU_ENCRYPT_KEY is missing"):
        load_settings()
    monkeypatch.setenv("CHORUS_ALLOW_UNENCRYPTED_EVENTS", "true")
    assert load_settings().feishu_encrypt_key is None


def test_secrets_do_not_show_in_a_printed_settings_object() -> None:
    """Somebody will print it one day."""
    settings: Any = load_settings()
    assert_no_leak(repr(settings) + str(settings), secrets=["very-secret-value", "encrypt-key-value"])

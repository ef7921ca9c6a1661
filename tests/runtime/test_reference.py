"""docs/CONFIGURATION.md says what the code says, and nothing in it is left without a word."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from runtime.reference import described, reference
from runtime.settings import Settings, env_name

PAGE = Path(__file__).parents[2] / "docs" / "CONFIGURATION.md"


def test_the_page_equals_the_settings_and_the_manifest() -> None:
    """The page is what the code says; else: python -m runtime.reference > docs/CONFIGURATION.md."""
    assert PAGE.read_text("utf-8") == reference()


def test_every_variable_stands_there_and_every_secret_is_marked() -> None:
    """A reader finds each variable by its name and sees which ones to keep."""
    page = reference()
    for name, field in Settings.model_fields.items():
        if name in ("image_keys", "image_urls"):
            continue
        secret = "SecretStr" in str(field.annotation)
        assert f"| `{env_name(name)}`{' (**secret**)' if secret else ''} |" in page
    assert "| `CHORUS_IMAGE_KEY_<NAME>` (**secret**) |" in page


def test_a_setting_without_a_word_about_it_is_an_error() -> None:
    """Nobody can add a setting and forget to say what it is for."""

    class Half(BaseModel):
        """A part.

        Attributes:
            told: is told.
        """

        told: str
        untold: str

    with pytest.raises(LookupError, match=r"Half .*untold"):
        described(Half)

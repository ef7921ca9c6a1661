"""No credential lies in the project, and every dependency is the very file somebody looked at."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.secrets import secrets_in

ROOT = Path(__file__).resolve().parent.parent
NO_TEXT = {".jpg", ".png", ".ttf"}
KNOWN = {
    ("tests/runtime/test_log.py", "a Feishu access token"),  # the documentation's own examples
    ("tests/sync/test_files_and_databases.py", "a password in an address"),  # it must not reach an error
}


def test_no_file_holds_a_credential() -> None:
    """Files under version control, line by line; what is made up says so."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.splitlines()]
    found = {
        (str(path.relative_to(ROOT)), what)
        for path in files
        if path.is_file() and path.suffix not in NO_TEXT
        for _, what in secrets_in(path.read_text("utf-8"))
    }
    assert found <= KNOWN


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "t-" + "g1" + "9f8e7d6c5b4a" * 3,
        'api_key = "' + "q7Lr2Vn8" * 4 + '"',
        "FEISHU_ENCRYPT_KEY: '" + "Zk9wQmVt" * 3 + "'",
        "postgresql://chorus:" + "h8Kq2zWp@db/chorus",
        "k1:" + "Qm9v" * 10 + "Qm8=",
        "sk-" + "aZ8kQpLmWnErTyUiOpAs",
        "LTAI" + "5tQwErTyUiOpAsDf",
    ],
)
def test_what_a_credential_looks_like_is_known(line: str) -> None:
    """Each shape is found, so an empty result says something."""
    assert list(secrets_in(line))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_is_pinned_by_its_hash(lock: str) -> None:
    """What is installed is byte for byte what was locked; nothing comes from an address of its own."""
    text = (ROOT / lock).read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9][\w.\[\]-]*)==\S+", text, re.MULTILINE | re.IGNORECASE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)
    without = [block.split("==")[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert len(pinned) > 30
    assert without == []
    assert "://" not in re.sub(r"#.*", "", text)

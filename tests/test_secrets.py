"""No credential lies in the project, and every dependency is the very file somebody looked at."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import advisories, audit
from tests.support.secrets import KNOWN, secrets_in

ROOT = Path(__file__).resolve().parent.parent
NO_TEXT = {".jpg", ".png", ".ttf"}


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


def test_every_installed_package_is_the_locked_one() -> None:
    """What the tests ran with is what the lock says, for this Python and this system."""
    locked = audit.locked_here((ROOT / "requirements-dev.lock").read_text("utf-8"))
    there = list(audit.installed())
    assert len(set(locked) & {audit.canonicalize_name(name) for name, _ in there}) > 50
    assert audit.strangers(locked, there) == []


def test_a_package_that_is_not_the_locked_one_is_told() -> None:
    """By the line whose marker holds here, and whatever way the name is written."""
    lock = (
        "numpy==2.4.6 ; python_full_version >= '3' \\\n    --hash=sha256:aa\n"
        "numpy==9.9.9 ; python_full_version < '3' \\\n    --hash=sha256:bb\n"
        "psycopg[binary]==3.2.1 \\\n    --hash=sha256:cc\n    # via chorus\n"
    )
    locked = audit.locked_here(lock)
    assert locked == {"numpy": "2.4.6", "psycopg": "3.2.1"}
    assert audit.strangers(locked, [("NumPy", "2.4.6"), ("psycopg", "3.2.1"), ("other", "1")]) == []
    assert audit.strangers(locked, [("Psycopg", "3.2.2")]) == ["Psycopg 3.2.2 is installed, 3.2.1 is locked"]


def test_what_is_shipped_is_what_was_tested() -> None:
    """Both locks pin the same version of whatever both hold."""
    shipped, tested = (
        audit.locked_here((ROOT / lock).read_text("utf-8"))
        for lock in ("requirements.lock", "requirements-dev.lock")
    )
    assert {name: version for name, version in shipped.items() if tested.get(name) != version} == {}


def test_a_package_nobody_was_asked_about_is_not_without_faults() -> None:
    """An index that knows nothing finds nothing, which is no good news; nor is an empty list."""
    fine = {"name": "flask", "version": "3.1", "vulns": []}
    unknown = {"name": "alembic", "skip_reason": "Dependency not found on PyPI"}
    fault = {"id": "CVE-2099-1", "fix_versions": ["3.2"], "aliases": [], "description": "x"}
    assert advisories.verdict({"dependencies": [fine]}) == (0, ["No known faults in 1 packages."])
    for packages, word in (
        ([fine, unknown], "1 of 2 packages"), ([], "0 of 0"),
        ([{**fine, "vulns": [fault]}], "flask 3.1: CVE-2099-1, mended in 3.2"),
    ):  # fmt: skip
        code, lines = advisories.verdict({"dependencies": packages})
        assert code == 1
        assert word in " ".join(lines)


def test_every_exception_from_the_security_rules_names_its_reason() -> None:
    """`ruff` runs bandit's rules; a line that is let off says why, in the line."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    silent = [
        f"{name}:{number}"
        for name in listed.stdout.splitlines()
        if not name.startswith(("tests/", "benchmarks/")) and (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1)
        if re.search(r"noqa: [A-Z0-9, ]*\bS\d{3}\b(?![A-Z0-9, ]* *(-|#|\())", line)
    ]
    assert silent == []

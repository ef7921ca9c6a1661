"""What the pages and files of the project promise about themselves."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

import app
from bitable_sync.changes import FIELD_CHANGED, RECORD_CHANGED
from bot.care import SCHEDULES as CARE
from bot.commands import MESSAGE_TYPE
from creative.wire import SWEEP
from payslip.approving import APPROVAL_EVENTS
from payslip.wire import LOOK
from rules.cockpit.jobs import SCHEDULE as KEEP
from rules.wire import CHECK, RECONCILE, SCHEDULES
from rules.wire import LOOK as ASKED

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = yaml.safe_load((ROOT / "feishu_app.yaml").read_text("utf-8"))


def tracked(*patterns: str) -> list[Path]:
    """Files under version control."""
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("name", ["INVARIANTS.md", "THREATS.md"])
def test_every_invariant_and_guard_names_tests_that_exist(name: str) -> None:
    """A rule or a guard is only as good as the tests it names, so each must be there."""
    page = (ROOT / "docs" / name).read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page)
    assert len(named) >= 20
    missing = [f"{file}::{test}" for file, test in named if not defines(ROOT / file, test)]
    assert missing == []


def test_every_row_of_the_threats_names_its_test() -> None:
    """What an attacker tries, what stops it, and a test that shows it; "the same" shows nothing."""
    page = (ROOT / "docs" / "THREATS.md").read_text("utf-8")
    tables = re.findall(r"^\| Tries \| Guard \| Test \|\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) >= 25
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::test_\w+`[^|]*\|$", row)] == []


def defines(file: Path, test: str) -> bool:
    """Whether a file defines a test function of this name."""
    return (
        file.exists() and re.search(rf"^\s*def {test}\(", file.read_text("utf-8"), re.MULTILINE) is not None
    )


def test_every_event_of_the_manifest_is_handled() -> None:
    """An event that nobody handles is not asked for, and one that is handled is asked for."""
    assert set(MANIFEST["events"]) == {RECORD_CHANGED, FIELD_CHANGED, MESSAGE_TYPE, *APPROVAL_EVENTS}
    assert MANIFEST["callbacks"] == ["card.action.trigger"]


def test_every_schedule_of_the_manifest_does_something() -> None:
    """A schedule in the manifest has a job, and each job has a schedule."""
    assert set(MANIFEST["schedules"]) == {
        *SCHEDULES, CHECK, RECONCILE, ASKED, LOOK, SWEEP, KEEP, *(name for name, _ in CARE.values())
    }  # fmt: skip


def test_no_file_names_an_index_or_a_place_of_a_machine() -> None:
    """The project installs from whatever index the machine uses and lies wherever it was cloned."""
    index = "|".join(
        ("https?://[^ ]*/simp" + r"le/?\b", "--(extra-)?index-" + "url", '"resolved": *"' + "http")
    )
    wrong = re.compile(f"{index}|{re.escape(str(ROOT))}")
    faults = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix not in {".jpg", ".png", ".ttf"} and path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if wrong.search(line.replace("--no-emit-index-url", ""))
    ]
    assert faults == []


def test_files_stay_readable() -> None:
    """No file of ours is longer than 400 lines."""
    long = {
        str(p.relative_to(ROOT)): n for p in tracked("*.py") if (n := len(p.read_text().splitlines())) > 400
    }
    assert long == {}


READMES = pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])


def command_table(readme: str) -> str:
    """What a README says of the command line."""
    found = re.search(
        r"^\| (?:Command|命令) \|.*\n(?:\|.*\n)+", (ROOT / readme).read_text("utf-8"), re.MULTILINE
    )
    assert found is not None
    return found[0]


@READMES
def test_the_readme_lists_every_command(readme: str) -> None:
    """A command that nobody is told of is not used; an option that it names exists."""
    table = command_table(readme)
    assert set(re.findall(r"`chorus ([a-z]+)", table)) == set(app.main.commands)
    for name, words in re.findall(r"`chorus ([a-z]+)([^`]*)`", table):
        command = app.main.commands[name]
        context = click.Context(command)
        inner = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
        known = {option for each in inner for param in each.get_params(context) for option in param.opts}
        said = set(re.findall(r"--[a-z-]+", words))
        assert said <= known | {"--once", "--keep-state"}, name  # these two pass on what they are given


def test_both_readmes_say_the_same_commands_and_link_the_same_pages() -> None:
    """Whoever reads only Chinese is told no less."""
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))
    calls = [
        re.findall(r"`(chorus [^`]*)`", command_table(name)) for name in ("README.md", "README.zh-CN.md")
    ]
    assert calls[0] == calls[1]
    links = [set(re.findall(r"\]\((docs/[^)#]+\.md)\)", text)) for text in (english, chinese)]
    assert {link.replace(".zh-CN", "") for link in links[1]} == links[0]


def test_functions_stay_readable() -> None:
    """None of the product or the sandbox is longer than 50 lines, nine in ten have at most 25."""
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in tracked("*.py")
        if path.relative_to(ROOT).parts[0] not in {"tests", "benchmarks"} and "versions" not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > 50} == {}
    assert sum(lines <= 25 for lines in lengths.values()) > 0.9 * len(lengths) > 1000


@READMES
def test_every_page_is_found_from_the_readme(readme: str) -> None:
    """By following links; a page that no other leads to is not read."""
    waiting, found = [ROOT / readme], set[Path]()
    while waiting:
        page = waiting.pop()
        links = re.findall(r"\]\(([^)#\s]+\.md)[)#]", page.read_text("utf-8"))
        new = {path for link in links if (path := (page.parent / link).resolve()).exists()} - found
        found |= new
        waiting += new
    assert set((ROOT / "docs").rglob("*.md")) <= found


def test_every_command_explains_itself() -> None:
    """`--help` of each command has a sentence."""
    for name, command in app.main.commands.items():
        done = CliRunner().invoke(app.main, [name, "--help"])
        assert done.exit_code == 0
        assert command.help


def test_the_help_is_read_to_its_end() -> None:
    """No command's sentence is cut off, and what a newcomer needs comes first."""
    said = CliRunner().invoke(app.main, ["--help"]).output.partition("First:")[2]
    assert "..." not in said
    assert "``" not in said
    listed = re.findall(r"^  ([a-z]+)  ", said, re.MULTILINE)
    assert listed[:4] == ["demo", "setup", "doctor", "serve"]
    assert sorted(listed) == sorted(app.main.commands)


def test_a_missing_key_is_told_in_a_sentence_and_nothing_starts() -> None:
    """`chorus serve` without an encrypt key ends with what to do, not with a stack trace."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FEISHU_", "CHORUS_", "DATABASE_"))}
    env = {**clean, "FEISHU_APP_ID": "cli_x", "FEISHU_APP_SECRET": "made-up-secret-value"}
    done = subprocess.run(
        [sys.executable, "app.py", "serve"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "FEISHU_ENCRYPT_KEY" in done.stderr
    assert "Traceback" not in done.stderr
    assert "made-up-secret-value" not in done.stderr + done.stdout

"""What the documents tell people to type is there: commands, settings, modules, files, links."""

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import yaml

import app
from runtime.manifest_model import Manifest
from runtime.settings import Settings, env_name

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    ROOT / line
    for line in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if (ROOT / line).is_file()
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
VARIABLES = {env_name(field) for field in Settings.model_fields}
FAMILIES = ("CHORUS_IMAGE_KEY", "CHORUS_IMAGE_URL")
"""One variable a provider; the rest of the name is the provider's."""


def code_of(page: str) -> str:
    """Everything a page sets as code: fenced blocks and spans."""
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*blocks, *spans])


@pytest.mark.parametrize("page", NAMES)
def test_every_make_target_exists(page: str) -> None:
    """`make x` at the beginning of a line or of a span is a target."""
    said = set(re.findall(r"^\s*make ([a-z][a-z-]*)", code_of(page), re.MULTILINE))
    assert said <= TARGETS


@pytest.mark.parametrize("page", NAMES)
def test_every_command_exists(page: str) -> None:
    """`chorus a b --c` is a command with such a sub-command and such options."""
    wrong = []
    for line in re.findall(r"(?:^|[ /])chorus (?!chorus )([a-z][^\n#]*)", code_of(page), re.MULTILINE):
        fault = fault_of(line)
        wrong += [f"chorus {line}: {fault}"] if fault else []
    assert wrong == []


def fault_of(line: str) -> str:
    """What is wrong with a command line, or ""."""
    command: click.Command = app.main
    words = [word for word in re.split(r"[\s\[\]|\\]+", line) if word]
    for at, word in enumerate(words):
        if not isinstance(command, click.Group) or word.startswith(("-", "…", "·")):
            return option_fault(command, words[at:])
        found = command.commands.get(word)
        if found is None:
            return f"there is no {word}"
        command = found
    return ""


def option_fault(command: click.Command, words: list[str]) -> str:
    """An option that a command does not have, or ""."""
    if command.context_settings.get("ignore_unknown_options"):
        return ""  # handed on to a program that is tested elsewhere
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    return next((f"there is no {word}" for word in words if word.startswith("--") and word not in known), "")


@pytest.mark.parametrize("page", NAMES)
def test_every_variable_exists(page: str) -> None:
    """A variable that a page names is read by the settings; `CHORUS_ADS_*` is a family with members."""
    text = (ROOT / page).read_text("utf-8")
    said = set(re.findall(r"\b((?:CHORUS|FEISHU)_[A-Z0-9_]+|DATABASE_URL)\b", text))
    wrong = {
        name
        for name in said
        if name not in VARIABLES
        and not name.startswith(FAMILIES)
        and not (name.endswith("_") and any(each.startswith(name) for each in VARIABLES))
    }
    assert wrong == set()


@pytest.mark.parametrize("page", NAMES)
def test_every_module_exists(page: str) -> None:
    """`python -m x` can be run."""
    for name in set(re.findall(r"python -m ([a-z_.]+)", code_of(page))) - {"venv", "pip"}:
        assert importlib.util.find_spec(name) is not None, name


@pytest.mark.parametrize("page", NAMES)
def test_every_link_leads_somewhere(page: str) -> None:
    """A link to a file of the project finds it; one to a heading finds the heading."""
    here = ROOT / page
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", here.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, heading = target.partition("#")
        found = (here.parent / file).resolve() if file else here
        if not found.exists() or (heading and heading not in headings(found)):
            wrong.append(target)
    assert wrong == []


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    lines = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_the_manifest_has_only_keys_that_exist() -> None:
    """The manifest that people copy is valid as it stands."""
    assert set(yaml.safe_load((ROOT / "feishu_app.yaml").read_text("utf-8"))) <= set(Manifest.model_fields)


def test_pictures_of_the_tour_are_small() -> None:
    """A page with a dozen pictures opens at once."""
    pictures = list((ROOT / "docs" / "images" / "tour").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size >= 200_000] == []


def test_the_container_file_names_what_exists() -> None:
    """What it copies is there, what it starts is a command, and it does not run as root."""
    lines = re.sub(r"\\\n", " ", (ROOT / "Containerfile").read_text("utf-8")).splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    verbs = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
             "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {verb for verb, _ in steps} == verbs
    for verb, rest in steps:
        if verb == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / name).exists() for name in rest.split()[:-1])
        if verb == "ENV":
            said = {pair.partition("=")[0] for pair in shlex.split(rest)}
            assert {name for name in said if name.startswith("CHORUS_")} <= VARIABLES
    last = dict(steps)
    assert (last["USER"], last["ENTRYPOINT"], last["CMD"]) == ("chorus", '["chorus"]', '["serve"]')
    assert "serve" in app.main.commands


def test_the_unit_has_what_systemd_needs() -> None:
    """Its sections are there, and SIGTERM goes to the parent alone first, as the supervisor expects."""
    page = (ROOT / "docs" / "DEPLOY.md").read_text("utf-8")
    unit = re.search(r"```ini\n(.*?)```", page, re.DOTALL)
    assert unit is not None
    assert re.findall(r"^\[(\w+)\]$", unit[1], re.MULTILINE) == ["Unit", "Service", "Install"]
    assert "KillMode=mixed" in unit[1]
    assert re.search(r"^ExecStart=\S+/chorus serve$", unit[1], re.MULTILINE)

"""The manifest, feishu_app.yaml: what the app is, as far as Feishu and people must know it. No secrets.

Every mistake becomes a sentence with file, line, key and what is expected, so that nobody has to read this
module to write that file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from runtime.errors import ConfigError
from runtime.manifest_model import (
    ApprovalManifest,
    BaseManifest,
    CockpitManifest,
    CreativeManifest,
    LimitsManifest,
    Manifest,
    MetricsManifest,
    PayrollManifest,
    QuotaManifest,
    RetentionManifest,
    RoleManifest,
    Strict,
    TasksManifest,
)

__all__ = [
    "ApprovalManifest", "BaseManifest", "CockpitManifest", "CreativeManifest", "LimitsManifest", "Manifest",
    "ManifestError", "MetricsManifest", "PayrollManifest", "QuotaManifest", "RetentionManifest",
    "RoleManifest", "TasksManifest", "load_manifest",
]  # fmt: skip

Place = tuple[str | int, ...]
EXPECTED = {
    "string_type": "a text (put quotes around it)",
    "string_too_short": "a text that is not empty",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "tuple_type": "a list (lines starting with `-`)",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}


class ManifestError(ConfigError):
    """The manifest is missing or wrong; the message names file, line, key and what is expected."""


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest.

    Args:
        path: the YAML file.

    Raises:
        ManifestError: a line for each mistake: file, line, key, what is expected.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        msg = (
            f"{path} does not exist. Copy the example feishu_app.yaml, or set CHORUS_MANIFEST to where it is."
        )
        raise ManifestError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path} is not UTF-8 text; save it as UTF-8."
        raise ManifestError(msg) from None
    root = _compose(path, text)
    lines = dict(_places(root, ()))
    problems = list(_repeated_keys(root))
    try:
        manifest = Manifest.model_validate(_construct(root))
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += [
            (_line(lines, p["loc"]), _sentence(p["loc"], p["type"], p["msg"], p["input"])) for p in found
        ]
    if problems:
        raise ManifestError("\n".join(f"{path}, line {line}: {what}" for line, what in sorted(problems)))
    return manifest


def _compose(path: Path, text: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it cannot be read"
        msg = f"{path}, line {line}: this is not YAML: {problem}. Check indentation, quotes and tabs here."
        raise ManifestError(msg) from None
    if not isinstance(node, yaml.MappingNode):
        msg = f"{path}, line 1: expected keys with values, starting with `name:`."
        raise ManifestError(msg)
    return node


def _construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _places(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _places(value, (*place, str(key.value)))
            # The key's own line is where the eye should go.
            yield (*place, str(key.value)), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _places(item, (*place, index))


def _repeated_keys(node: yaml.Node) -> Iterator[tuple[int, str]]:
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in seen:
                yield line, f"`{key.value}` stands twice, first in line {seen[str(key.value)]}; keep one."
            seen.setdefault(str(key.value), line)
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    for child in children:
        yield from _repeated_keys(child)


def _line(lines: Mapping[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _sentence(place: Place, kind: str, message: str, value: object) -> str:
    # pydantic adds "[key]" when the key itself is wrong.
    name = ".".join(str(part) for part in place if part != "[key]")
    if kind == "missing":
        return f"`{name}` is missing; it is required."
    if kind == "extra_forbidden":
        return _unknown_key(place, name)
    if kind == "value_error":
        return f"`{name}`: {message.removeprefix('Value error, ')}."
    if kind == "string_pattern_mismatch":
        return f"`{name}`: expected a short name in lower case such as `pull_ads`, not `{value}`."
    expected = (message[0].lower() + message[1:]).removeprefix("input should be ").replace("'", '"')
    return f"`{name}`: expected {EXPECTED.get(kind, expected)}, not {_short(value)}."


def _unknown_key(place: Place, name: str) -> str:
    key = str(place[-1])
    if re.search(r"secret|password|token|encrypt_key", key):
        return f"`{name}` does not belong here: secrets are set in the environment, never in this file."
    model = _model_at(place[:-1])
    near = difflib.get_close_matches(key, list(model.model_fields), n=1) if model else []
    known = ", ".join(model.model_fields) if model else ""
    return f"`{name}` is not known; " + (
        f"did you mean `{near[0]}`?" if near else f"expected one of {known}."
    )


def _model_at(place: Place) -> type[Strict] | None:
    names = [str(part) for part in place if not isinstance(part, int)]
    if not names:
        return Manifest
    sections: dict[str, type[Strict]] = {
        "base": BaseManifest,
        "quota": QuotaManifest,
        "limits": LimitsManifest,
        "metrics": MetricsManifest,
        "retention": RetentionManifest,
        "roles": RoleManifest,
        "approvals": ApprovalManifest,
        "tasks": TasksManifest,
        "payroll": PayrollManifest,
        "creative": CreativeManifest,
        "cockpit": CockpitManifest,
    }
    return sections.get(names[0])


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{str(value)[:40]}"'

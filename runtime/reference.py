"""The page docs/CONFIGURATION.md, made from the settings and the manifest themselves.

``python -m runtime.reference > docs/CONFIGURATION.md``. What a setting is for stands in the ``Attributes:``
of its class; a setting without such a line is an error, so none can be forgotten.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from runtime import manifest_model as model
from runtime.settings import Settings, env_name

HEAD = """# Configuration

Made from the code by `python -m runtime.reference`; do not edit. Environment variables say what differs
between two installations and hold every secret; the manifest `feishu_app.yaml` says what the company wants
and holds none. `chorus doctor` examines both. An empty variable counts as not set.

## Environment variables

| Variable | Type | Default | For |
|---|---|---|---|
"""
MANIFEST_HEAD = """
## The manifest

A YAML file; unknown keys are refused with a sentence. [feishu_app.yaml](../feishu_app.yaml) is a complete
one, with the places to click in the console.
"""
MADE = {
    "database_url": "`sqlite:///<CHORUS_VAR_DIR>/chorus.db`",
    "mirror_url": "`mirror.db` beside the database; on PostgreSQL the same database",
    "blob_dir": "`<CHORUS_VAR_DIR>/blobs`",
    "image_keys": "none",
    "image_urls": "the provider's own",
}
NAMED = {"image_keys": "CHORUS_IMAGE_KEY_<NAME>", "image_urls": "CHORUS_IMAGE_URL_<NAME>"}
ATTRIBUTE = re.compile(r"^ {4}(\w[\w, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)
SIMPLE: dict[Any, str] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path", SecretStr: "text",
}  # fmt: skip


def reference() -> str:
    """The whole page as Markdown."""
    rows = "".join(_variable(name, field) for name, field in Settings.model_fields.items())
    parts = "".join(_part(title, part) for title, part in _parts("", model.Manifest))
    return HEAD + rows + MANIFEST_HEAD + parts


def described(kind: type[BaseModel]) -> dict[str, str]:
    """What each attribute is for, from the ``Attributes:`` of the class.

    Raises:
        LookupError: an attribute has no line there; the message names it.
    """
    listed = inspect.getdoc(kind) or ""
    found: dict[str, str] = {}
    for names, words in ATTRIBUTE.findall(listed.partition("Attributes:\n")[2]):
        for name in names.split(", "):
            found[name] = " ".join(words.split()).replace("``", "`")
    missing = [name for name in kind.model_fields if name not in found]
    if missing:
        raise LookupError(f"{kind.__name__} does not say in Attributes: what these are for: {missing}")
    return found


def _variable(name: str, field: FieldInfo) -> str:
    kind = field.annotation
    secret = " (**secret**)" if "SecretStr" in str(kind) else ""
    shown = f"`{NAMED.get(name) or env_name(name)}`{secret}"
    return _row(shown, _type(kind, field.metadata), _default(name, field), described(Settings)[name])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _parts(at: str, kind: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """A class of the manifest and those its keys hold, with the path at which each stands."""
    yield at, kind
    for name, field in kind.model_fields.items():
        inner, many = _model_in(field.annotation)
        if inner is not None:
            yield from _parts(f"{at}.{name}{many}".lstrip("."), inner)


def _part(at: str, kind: type[BaseModel]) -> str:
    title = f"### `{at}`" if at else "### The top"
    words = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    about = described(kind)
    rows = "".join(
        _row(f"`{name}`", _type(field.annotation, field.metadata), _default("", field), about[name])
        for name, field in kind.model_fields.items()
    )
    return f"\n{title}\n\n{words}\n\n| Key | Type | Default | For |\n|---|---|---|---|\n{rows}"


def _model_in(kind: Any) -> tuple[type[BaseModel] | None, str]:
    """The class a key holds, and how many of it: ``.<key>`` in a mapping, ``[]`` in a list."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, ""
    origin = typing.get_origin(kind)
    for inner in typing.get_args(kind):
        found, many = _model_in(inner)
        if found is not None:
            return found, {dict: ".<key>", tuple: "[]"}.get(origin, "") + many
    return None, ""


def _type(kind: Any, extra: typing.Sequence[Any] = ()) -> str:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _type(inner[0], inner[1:])
    if origin in (Union, types.UnionType):
        return _type(next(each for each in inner if each is not type(None)), extra)
    if origin is Literal:
        return " / ".join(f"`{each}`" for each in inner)
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"mapping of key to {_type(inner[1])}"
    if kind in SIMPLE:
        return SIMPLE[kind] + _bounds(extra)
    return "a section, below"


def _bounds(extra: typing.Sequence[Any]) -> str:
    """The limits of a number, as far as they are given."""
    marks = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    rules = [rule for each in extra for rule in (each, *getattr(each, "metadata", ()))]
    found = [
        f"{sign} {getattr(rule, name)}"
        for rule in rules
        for name, sign in marks.items()
        if hasattr(rule, name)
    ]
    return f" ({', '.join(found)})" if found else ""


def _default(name: str, field: FieldInfo) -> str:
    if name in MADE:
        return MADE[name]
    if field.is_required():
        return "**required**"
    value = field.default
    if value is PydanticUndefined or isinstance(value, BaseModel) or value in (None, "", (), {}):
        return "—"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


if __name__ == "__main__":
    sys.stdout.write(reference())

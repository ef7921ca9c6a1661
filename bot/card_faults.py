"""How a fault of a card is said, and the checks that need no memory of the rest of the card."""

from collections.abc import Mapping
from typing import Any, NoReturn

from bot import card_schema as schema


class CardInvalid(ValueError):  # noqa: N818 - reads as the sentence it carries
    """The platform would refuse this card; the message names the place of the fault and what is expected."""


def fail(path: str, problem: str) -> NoReturn:
    """Refuse the card: where, and what is expected there."""
    raise CardInvalid(f"{path}: {problem}.")


def as_list(path: str, value: Any) -> list[Any] | tuple[Any, ...]:
    """Take a list, or refuse the card."""
    if not isinstance(value, list | tuple):
        fail(path, "a list is expected")
    return value


def as_mapping(path: str, value: Any) -> Mapping[str, Any]:
    """Take an object, or refuse the card."""
    if not isinstance(value, Mapping):
        fail(path, "an object is expected")
    return value


def check_table(path: str, table: Mapping[str, Any]) -> None:
    """Check page size, columns and rows of a table element (sub-errors 200914 and 200915 of the platform)."""
    size = table.get("page_size", 5)
    if not isinstance(size, int) or not 1 <= size <= 10:
        fail(path, f"page_size {size!r} must be from 1 to 10")
    types: dict[str, str] = {}
    for index, column in enumerate(as_list(f"{path}.columns", table["columns"])):
        place = f"{path}.columns[{index}]"
        name, kind = as_mapping(place, column).get("name"), column.get("data_type", "text")
        if set(column) - schema.COLUMN_OF_TABLE:
            fail(place, f"unknown properties {sorted(set(column) - schema.COLUMN_OF_TABLE)}")
        if not isinstance(name, str) or not name or name in types:
            fail(place, f"name {name!r} must be text that no other column has")
        if not isinstance(kind, str) or kind not in schema.TABLE_TYPES:
            fail(place, f"data_type {kind!r} is none of {', '.join(sorted(schema.TABLE_TYPES))}")
        types[str(name)] = kind
    if not 1 <= len(types) <= 50:
        fail(path, f"there are {len(types)} columns; 1 to 50 are allowed")
    for index, row in enumerate(as_list(f"{path}.rows", table["rows"])):
        for name, value in as_mapping(f"{path}.rows[{index}]", row).items():
            if name not in types:
                fail(f"{path}.rows[{index}]", f"there is no column {name!r}")
            if not _cell_fits(types[name], value):
                fail(f"{path}.rows[{index}].{name}", f"{value!r} does not fit a column of type {types[name]}")


def _cell_fits(kind: str, value: object) -> bool:
    if kind in {"number", "date"}:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in {"options", "persons"}:
        return isinstance(value, str | list)
    return isinstance(value, str)


def count_elements(value: object) -> int:
    """Count every object with a tag, as the platform does, texts included; not inside a chart's spec."""
    if isinstance(value, Mapping):
        return ("tag" in value) + sum(
            count_elements(part) for name, part in value.items() if name not in {"chart_spec", "rows"}
        )
    return sum(count_elements(part) for part in value) if isinstance(value, list | tuple) else 0


def tagged(value: object, tag: str) -> list[Mapping[str, Any]]:
    """Find elements of a tag at any depth."""
    if isinstance(value, Mapping):
        inside = [found for part in value.values() for found in tagged(part, tag)]
        return [value, *inside] if value.get("tag") == tag else inside
    return [found for part in value for found in tagged(part, tag)] if isinstance(value, list | tuple) else []

"""Kinds of values in the manifest; a wrong one is told in a sentence that shows what is expected."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from runtime.when import parse_age, parse_when


def _scope(value: str) -> str:
    if not re.fullmatch(r"[a-z_]+(:[a-z0-9_.\-]+)+", value):
        raise ValueError(f'expected a permission such as "im:message:send_as_bot", not "{value}"')
    return value


def _event(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", value):
        raise ValueError(f'expected an event type such as "im.message.receive_v1", not "{value}"')
    return value


def _when(value: str) -> str:
    parse_when(value)
    return value


def _age(value: str) -> str:
    parse_age(value)
    return value


def _member(value: str) -> str:
    if not re.fullmatch(r"(ou_|od-|od_)[A-Za-z0-9_\-]+", value):
        msg = f'expected a person (open_id "ou_…") or a department (open_department_id "od-…"), not "{value}"'
        raise ValueError(msg)
    return value


def _person(value: str) -> str:
    if not re.fullmatch(r"ou_[A-Za-z0-9_\-]+", value):
        msg = f'expected a person\'s open_id such as "ou_84aad35d084aa403a838cf73ee18467", not "{value}"'
        raise ValueError(msg)
    return value


def _time_of_day(value: str) -> str:
    if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f'expected a time of day in quotes such as "10:00", not "{value}"')
    return value


def _yuan(value: str) -> str:
    if not re.fullmatch(r"\d{1,7}(\.\d{1,2})?", value):
        raise ValueError(f'expected an amount of yuan in quotes such as "20" or "0.25", not "{value}"')
    return value


Scope = Annotated[str, AfterValidator(_scope)]
PersonId = Annotated[str, AfterValidator(_person)]
PushTime = Annotated[str, AfterValidator(_time_of_day)]
Member = Annotated[str, AfterValidator(_member)]
EventType = Annotated[str, AfterValidator(_event)]
When = Annotated[str, AfterValidator(_when)]
Age = Annotated[str, AfterValidator(_age)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Yuan = Annotated[str, AfterValidator(_yuan)]
Text = Annotated[str, Field(min_length=1)]

"""A colleague the platform refuses must not keep back the 500 rows of a batch.

A batch write is all or nothing. When one cell names somebody the application cannot see, because they left or
are outside its 可用范围, the answer is 1254066 (Feishu docs: 多维表格 error codes) and does not say which row
it means. So the batch is halved until the row stands alone; that row is written without the person, and
whoever looks after the base is told whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar, cast

from bitable_sync.cells import EMPTY, CellValue, Person
from bitable_sync.spec import TableSpec
from bitable_sync.wire_errors import PERSON, code_of
from runtime.errors import ChorusError

K = TypeVar("K", bound=str)
Values = Mapping[str, CellValue]


@dataclass
class Apart(Generic[K]):
    """Sends rows together as far as the platform takes them.

    Attributes:
        spec: the table, for the sentences.
        send: sends rows and answers with the ids of their records.
        refused: sentences about rows that were written without their people.
        strangers: people the platform refused: open_id → name. Later rows go without them at once.
        seen: open_ids that it took.
    """

    spec: TableSpec
    send: Callable[[dict[K, Values]], Sequence[str]]
    refused: list[str] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def write(self, rows: Mapping[K, Values]) -> list[str]:
        """Send rows; the ids of records that were written.

        Raises:
            ChorusError: something else is wrong.
        """
        if not rows:
            return []
        going = {key: self._without(values, self.strangers) for key, values in rows.items()}
        try:
            sent = self.send(going)
        except ChorusError as error:
            if code_of(error) != PERSON:
                raise
            if len(going) > 1:
                middle = len(going) // 2
                first = self.write(dict(islice(going.items(), middle)))
                return first + self.write(dict(islice(going.items(), middle, None)))
            if not any(people(values) for values in going.values()):
                raise
            return self._alone(*next(iter(going.items())))
        self.seen |= {person.open_id for values in going.values() for person in people(values)}
        return list(sent)

    def _alone(self, key: K, values: Values) -> list[str]:
        """A refused row goes without its people, but for those whom the platform took in another."""
        named = {person.open_id: person.name for person in people(values)}
        strange = {open_id: name for open_id, name in named.items() if open_id not in self.seen} or named
        if len(strange) == 1:
            self.strangers |= strange
        which = "的一行" if self.spec.private else f"中“{key}”一行"
        self.refused.append(f"表「{self.spec.name}」{which}的人员没有写入：应用看不到其中的同事")
        return list(self.send({key: self._without(values, strange)}))

    @staticmethod
    def _without(values: Values, strangers: Mapping[str, str]) -> Values:
        """The cells without these people; one that named only them is emptied, whoever stood there before."""
        if not any(person.open_id in strangers for person in people(values)):
            return values
        return {key: _others(value, strangers) for key, value in values.items()}


def people(values: Values) -> list[Person]:
    """Everybody named in a row's cells."""
    cells = [value for value in values.values() if isinstance(value, tuple)]
    return [each for cell in cells for each in cell if isinstance(each, Person)]


def stranger_sentence(name: str) -> str:
    """What whoever looks after the base should do about a colleague the platform refused."""
    return (
        f"{name or '一位同事'}已离职或不在应用的可用范围内，飞书拒绝把 TA 写进人员列；其余内容照常写入。"
        "请把 TA 加入应用的可用范围，或在表里换一位负责人"
    )


def _others(value: CellValue, strangers: Mapping[str, str]) -> CellValue:
    if not isinstance(value, tuple):
        return value
    kept = [each for each in value if not (isinstance(each, Person) and each.open_id in strangers)]
    return cast("CellValue", tuple(kept)) if kept else EMPTY

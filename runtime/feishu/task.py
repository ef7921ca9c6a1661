"""Feishu Tasks (飞书任务, v2): made for a person, changed and completed in the app's own name.

Facts: docs task-v2 (overview, task/create, task/patch, task/get; pages of 2023-11), read 2026-11. The app
sees and changes the tasks it made. Needs task:task:write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runtime.feishu.door import Door
from runtime.feishu.endpoint import PER_SECOND_10, Endpoint
from runtime.feishu.errors import Ambiguous, Rejected
from runtime.ids import OpenId, TaskGuid

TASK = "/open-apis/task/v2/tasks/:task_guid"
CREATE = Endpoint("POST", "/open-apis/task/v2/tasks", PER_SECOND_10, writes=True)
GET = Endpoint("GET", TASK, PER_SECOND_10)
PATCH = Endpoint("PATCH", TASK, PER_SECOND_10, writes=True)

REPEAT_WINDOW = timedelta(minutes=4)
"""So long a creation may be repeated with its client token: Feishu remembers one for five minutes after it
worked. Later the same token makes a second task, and no call finds the first."""
SHORTEST_TOKEN, LONGEST_TOKEN = 10, 100
LONGEST_TEXT = 3000
"""Characters of a title and of a description."""
MOST_MEMBERS = 50
ME = {"user_id_type": "open_id"}


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be made.

    Args:
        summary: title, not empty.
        description: plain text.
        assignee: whose task it is.
        followers: who hears of changes; 49 at most.
        completed_at: aware; makes a task that is completed already.
        source: what Feishu calls where it comes from, with an address (https://…) that opens there.
    """

    summary: str
    description: str
    assignee: OpenId
    followers: Sequence[OpenId] = ()
    completed_at: datetime | None = None
    source: tuple[str, str] | None = None


class Tasks:
    """Tasks the app makes. Source: docs task-v2 pages of the same names."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def create(self, task: NewTask, *, client_token: str) -> TaskGuid:
        """Make a task, once per token.

        Args:
            task: must be the very same when the token is used again.
            client_token: 10 to 100 characters. Within `REPEAT_WINDOW` of the first try a repeat gives the
                task that exists; later there must be none.

        Raises:
            Ambiguous: no usable answer; repeat it with the same token within `REPEAT_WINDOW`.
            Rejected: a text is too long, or somebody is not known (1470400).
        """
        if not SHORTEST_TOKEN <= len(client_token) <= LONGEST_TOKEN:
            msg = f"A task's client_token has {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters."
            raise ValueError(msg)
        body: dict[str, Any] = {
            "summary": task.summary,
            "description": task.description,
            "members": _members(task),
            "client_token": client_token,
        }
        if task.completed_at is not None:
            body["completed_at"] = _ms(task.completed_at)
        if task.source is not None:
            name, url = task.source
            body["origin"] = {"platform_i18n_name": {"zh_cn": name, "en_us": name}, "href": {"url": url}}
        data = self._door.call(CREATE, query=ME, body=body)
        guid = str((data.get("task") or {}).get("guid") or "")
        if not guid:
            raise Ambiguous("Feishu made a task and did not say which; ask again with its token.")
        return TaskGuid(guid)

    def get(self, guid: TaskGuid) -> dict[str, Any]:
        """Return a task: `{guid, summary, description, members, completed_at ("0" = open), url, …}`."""
        found: dict[str, Any] = self._door.call(GET, paths={"task_guid": guid}, query=ME).get("task") or {}
        return found

    def update(self, guid: TaskGuid, *, summary: str, description: str) -> None:
        """Write title and description anew; doing so twice changes nothing."""
        self._patch(guid, {"summary": summary, "description": description})

    def finish(self, guid: TaskGuid, *, summary: str, description: str, at: datetime) -> None:
        """Write title and description, and complete the task; one that is completed already stays so.

        Feishu refuses to complete a task twice, which is what a person who ticked it, or an earlier try whose
        answer got lost, leads to.

        Raises:
            NotFound: somebody deleted it.
        """
        fields = {"summary": summary, "description": description, "completed_at": _ms(at)}
        try:
            self._patch(guid, fields)
        except Rejected:
            if self.get(guid).get("completed_at", "0") in {"", "0"}:
                raise
            self.update(guid, summary=summary, description=description)

    def _patch(self, guid: TaskGuid, fields: dict[str, str]) -> None:
        body = {"task": fields, "update_fields": list(fields)}
        self._door.call(PATCH, paths={"task_guid": guid}, query=ME, body=body)


def _members(task: NewTask) -> list[dict[str, str]]:
    others = [each for each in dict.fromkeys(task.followers) if each != task.assignee]
    people = [(task.assignee, "assignee"), *((each, "follower") for each in others)]
    return [{"id": each, "type": "user", "role": role} for each, role in people[:MOST_MEMBERS]]


def _ms(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))

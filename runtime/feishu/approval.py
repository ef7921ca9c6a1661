"""Approvals: starting them, reading them, taking them back. Never deciding them: that is for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.feishu.door import Door
from runtime.feishu.endpoint import MESSAGES, PER_MINUTE_100, Endpoint
from runtime.feishu.errors import Ambiguous, NotFound, Rejected
from runtime.ids import InstanceCode, OpenId

GET_DEFINITION = Endpoint("GET", "/open-apis/approval/v4/approvals/:approval_code", PER_MINUTE_100)
SUBSCRIBE = Endpoint(
    "POST",
    "/open-apis/approval/v4/approvals/:approval_code/subscribe",
    MESSAGES,
    writes=True,
    done=frozenset({1390007, 60007}),  # subscribed already
)
CREATE = Endpoint("POST", "/open-apis/approval/v4/instances", PER_MINUTE_100, writes=True)
GET = Endpoint("GET", "/open-apis/approval/v4/instances/:instance_id", MESSAGES)
CANCEL = Endpoint("POST", "/open-apis/approval/v4/instances/cancel", PER_MINUTE_100, writes=True)

UUID_USED = 60012
UUID_LENGTH = 64


class Approval:
    """The approvals of the tenant. Source: docs approval-v4 pages of the same names."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def get_definition(self, code: str) -> dict[str, Any]:
        """Return a definition: `{approval_name, status, form (JSON text), node_list[{node_id, …}]}`."""
        return self._door.call(
            GET_DEFINITION, paths={"approval_code": code}, query={"user_id_type": "open_id"}
        )

    def create_instance(
        self,
        code: str,
        open_id: OpenId,
        form: Sequence[Mapping[str, Any]],
        *,
        uuid: str,
        node_approvers: Mapping[str, Sequence[OpenId]] | None = None,
    ) -> InstanceCode:
        """Start an approval in a person's name, once per uuid.

        A uuid that was used before (60012) stands for the approval it started, whose code is returned.

        Args:
            code: the definition.
            open_id: who asks; a person, not the bot.
            form: `[{id, type, value, …}]`. Amounts are JSON numbers: compare as Decimal on reading back.
            uuid: at most 64 characters, case does not matter.
            node_approvers: approvers of nodes where the asker chooses, by node id.

        Raises:
            Ambiguous: no usable answer; settle it with `find(uuid)`.
            Rejected: the form does not fit the definition, or it is not active.
        """
        if not 1 <= len(uuid) <= UUID_LENGTH:
            msg = f"An approval's uuid has 1 to {UUID_LENGTH} characters, not {len(uuid)}; derive a digest."
            raise ValueError(msg)
        body: dict[str, Any] = {
            "approval_code": code,
            "open_id": open_id,
            "form": json.dumps(form, ensure_ascii=False, separators=(",", ":")),
            "uuid": uuid,
        }
        if node_approvers:
            chosen = [{"key": node, "value": list(people)} for node, people in node_approvers.items()]
            body["node_approver_open_id_list"] = chosen
        try:
            data = self._door.call(CREATE, body=body)
        except Rejected as error:
            if error.code != UUID_USED:
                raise
            return self._started_before(uuid, error)
        return InstanceCode(str(data.get("instance_code") or ""))

    def find(self, uuid: str) -> InstanceCode | None:
        """Return the approval started under a uuid, or None: how an `Ambiguous` start is settled."""
        try:
            return InstanceCode(str(self.get_instance(uuid).get("instance_code") or "")) or None
        except NotFound:
            return None

    def get_instance(self, code_or_uuid: str) -> dict[str, Any]:
        """Return an approval: `{status, reverted, form, task_list, timeline, …}`.

        A reverted approval still says APPROVED: test `status == "APPROVED" and not reverted`.
        """
        query = {"user_id_type": "open_id"}
        return self._door.call(GET, paths={"instance_id": code_or_uuid}, query=query)

    def cancel_instance(self, code: str, instance: InstanceCode, open_id: OpenId) -> None:
        """Take an approval back in the name of who asked; only where the definition allows it."""
        body = {"approval_code": code, "instance_code": instance, "user_id": open_id}
        self._door.call(CANCEL, query={"user_id_type": "open_id"}, body=body)

    def subscribe(self, code: str) -> None:
        """Ask for the events of a definition; asking again is no error."""
        self._door.call(SUBSCRIBE, paths={"approval_code": code})

    def _started_before(self, uuid: str, error: Rejected) -> InstanceCode:
        found = self.find(uuid)
        if found is None:
            raise Ambiguous(
                "Feishu knows this uuid but not its approval yet; look it up again before sending.",
                code=error.code,
                endpoint=error.endpoint,
                log_id=error.log_id,
            ) from error
        return found

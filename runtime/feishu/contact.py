"""People and departments."""

from collections.abc import Sequence
from typing import Any

from runtime.feishu.door import Door, chunks
from runtime.feishu.endpoint import MESSAGES, PER_SECOND_50, Endpoint
from runtime.ids import OpenId, UserId

USER = Endpoint("GET", "/open-apis/contact/v3/users/:user_id", MESSAGES)
USERS = Endpoint("GET", "/open-apis/contact/v3/users/batch", MESSAGES)
DEPARTMENT_USERS = Endpoint("GET", "/open-apis/contact/v3/users/find_by_department", PER_SECOND_50)
DEPARTMENT_CHILDREN = Endpoint(
    "GET", "/open-apis/contact/v3/departments/:department_id/children", PER_SECOND_50
)

IDS_PER_CALL = 50
PAGE = 50
ROOT = "0"


class Contact:
    """The address book, as far as the app's contact range reaches. Ids are open_ids unless said otherwise."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def get_user(self, open_id: OpenId) -> dict[str, Any]:
        """Return one person: `{open_id, union_id, user_id?, name, leader_user_id, department_ids, …}`.

        Source: docs contact-v3/user/get. `leader_user_id` is an open_id here.
        """
        query = {"user_id_type": "open_id", "department_id_type": "open_department_id"}
        user = self._door.call(USER, paths={"user_id": open_id}, query=query).get("user")
        return user if isinstance(user, dict) else {}

    def user_ids(self, people: Sequence[OpenId]) -> dict[OpenId, UserId]:
        """Return the user_id of each person the app can see, which attendance and approvals speak of.

        Args:
            people: open_ids, any number.

        Returns:
            An entry for each person found whose user_id may be read; who is not in it is out of range, or the
            app lacks `contact:user.employee_id:readonly`.

        Source: docs contact-v3/user/batch (50 a call).
        """
        found: dict[OpenId, UserId] = {}
        for part in chunks(list(dict.fromkeys(people)), IDS_PER_CALL):
            query = {"user_ids": list(part), "user_id_type": "open_id"}
            for user in self._door.call(USERS, query=query).get("items") or []:
                if user.get("user_id"):
                    found[OpenId(str(user["open_id"]))] = UserId(str(user["user_id"]))
        return found

    def list_department_users(self, department_id: str = ROOT) -> list[dict[str, Any]]:
        """Return the direct members of a department (open_department_id, or "0" for the root), all pages.

        Source: docs contact-v3/user/find_by_department; the root needs the contact range "all staff".
        """
        query = {
            "user_id_type": "open_id",
            "department_id_type": "open_department_id",
            "department_id": department_id,
            "page_size": PAGE,
        }
        return list(self._door.pages(DEPARTMENT_USERS, query=query))

    def list_departments(self, parent: str = ROOT) -> list[dict[str, Any]]:
        """Return all departments below one, at any depth, all pages.

        Source: docs contact-v3/department/children.
        """
        query = {"department_id_type": "open_department_id", "fetch_child": True, "page_size": PAGE}
        return list(self._door.pages(DEPARTMENT_CHILDREN, paths={"department_id": parent}, query=query))

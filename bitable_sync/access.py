"""Who can open the base and edit in it: steps of setup, and what a person still has to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.manifest import RoleManifest

ID_KEYS = ("member_id", "open_id", "open_department_id", "department_id", "chat_id")
FULL = "full_access"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what now.

    Args:
        shared: id -> perm of the people, groups and departments the base is shared with; None = not known
            (a base of a person's own, which that person can open anyway).
        members: role name -> all ids its members go by.
    """

    shared: Mapping[str, str] | None
    members: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Todo:
    """What a person has to do, as two sentences. ``closed``: until then nobody gets in."""

    sentence: str
    next_step: str
    closed: bool = False


NOTHING = Access({}, {})


def shared_with(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Id -> perm, from the list of a base's collaborators; apps are left out."""
    return {
        str(item["member_id"]): str(item.get("perm") or "")
        for item in items
        if item.get("member_type") not in {"appid", "app"}
    }


def ids_of(items: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """All ids under which the members of a role are known."""
    return frozenset(str(item[key]) for item in items for key in ID_KEYS if item.get(key))


def needs_sharing(access: Access, admin: str | None) -> bool:
    """Whether the administrator has yet to be let in."""
    return admin is not None and access.shared is not None and access.shared.get(admin) != FULL


def missing_members(role: RoleManifest, access: Access) -> list[str]:
    """Members of the manifest who are not in the role yet."""
    have = access.members.get(role.name, frozenset())
    return [member for member in dict.fromkeys(role.members) if member not in have]


def member_type(member: str) -> str:
    """The id type of a member, by its prefix."""
    return "open_id" if member.startswith("ou_") else "open_department_id"


def outstanding(roles: Sequence[RoleManifest], access: Access, admin: str | None) -> list[Todo]:
    """What setup cannot do by itself."""
    found: list[Todo] = []
    if access.shared is not None and not access.shared and admin is None:
        step = "把管理员的 open_id 写入 CHORUS_ADMIN_OPEN_ID（查法见 feishu_app.yaml），再运行 chorus setup"
        found.append(Todo("多维表格属于应用自己，还没有任何人能打开", step, closed=True))
    empty = [role.name for role in roles if not role.members and not access.members.get(role.name)]
    if empty:
        step = (
            "在 feishu_app.yaml 里给这些角色写上 members: [ou_…] 后运行 chorus setup，"
            "或在多维表格的「高级权限」里添加成员"
        )
        names = "".join(f"「{name}」" for name in empty)
        found.append(Todo(f"角色{names}还没有成员，这些人现在不能编辑表格", step))
    return found

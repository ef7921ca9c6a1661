"""Who can open the base and edit in it; runs of setup that broke off at the base or at a form."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bitable_sync.access import Access, outstanding
from bitable_sync.doctor import Level, examine
from bitable_sync.new_base import ours
from bitable_sync.setup import Setup
from bitable_sync.spec import Specs
from runtime.errors import ConfigError, UnknownOutcome
from runtime.manifest import RoleManifest
from tests.sync.conftest import MANIFEST, SPECS, Stage


def with_people(stage: Stage, admin: str | None, members: tuple[str, ...] = ()) -> Stage:
    """The same installation with an administrator in the environment and members in the manifest."""
    roles = tuple(role.model_copy(update={"members": members}) for role in MANIFEST.roles)
    manifest = MANIFEST.model_copy(update={"roles": roles})
    settings = stage.floor.settings.model_copy(update={"admin_open_id": admin})
    floor = replace(stage.floor, settings=settings, manifest=manifest)
    return replace(stage, floor=floor, setup=Setup(stage.feishu, stage.sync, manifest, settings))


def people(stage: Stage) -> list[Any]:
    """Everybody of the company."""
    return list(stage.sandbox.world.people.values())


@pytest.mark.db
def test_the_administrator_and_the_members_get_in(bare: Stage) -> None:
    """One run shares the base and fills the role; the second has nothing to do; nobody need do more."""
    admin, member = people(bare)[:2]
    department = next(
        d.open_department_id
        for d in bare.sandbox.world.contact.departments().values()
        if d.path == people(bare)[3].department
    )
    stage = with_people(bare, admin.open_id, (member.open_id, department))
    lines = [step.line for step in stage.setup.plan()]
    assert f"把多维表格共享给管理员 {admin.open_id}（可管理）" in lines
    assert f"角色「运营」加入成员：{member.open_id}、{department}" in lines
    stage.setup.apply()
    base = stage.sandbox.world.bitable.base(stage.app)
    assert base.shared == {("openid", admin.open_id): "full_access"}
    (role,) = base.roles.values()
    assert role.members == [("open_id", member.open_id), ("open_department_id", department)]
    assert stage.setup.plan() == []
    assert stage.setup.outstanding() == []
    for person in (admin, member, people(bare)[3]):
        stage.sandbox.world.bitable.add_as(person.open_id, stage.app, stage.table(), {"计划ID": person.name})


@pytest.mark.db
def test_members_added_in_feishu_stay(bare: Stage) -> None:
    """Setup adds a member of the manifest and leaves those people chose in Feishu."""
    bare.setup.apply()
    first, second = people(bare)[:2]
    (role,) = bare.sandbox.world.bitable.base(bare.app).roles.values()
    role.members.append(("open_id", first.open_id))
    later = with_people(bare, None, (second.open_id,))
    assert [step.do for step in later.setup.plan()] == ["members"]
    later.setup.apply()
    assert role.members == [("open_id", first.open_id), ("open_id", second.open_id)]


@pytest.mark.db
def test_a_base_nobody_can_open_is_told(bare: Stage) -> None:
    """Without administrator and members both setup and doctor say what a person has to do."""
    bare.setup.apply()
    closed, empty = bare.setup.outstanding()
    assert (closed.closed, "CHORUS_ADMIN_OPEN_ID" in closed.next_step) == (True, True)
    assert (empty.closed, "角色「运营」还没有成员" in empty.sentence) == (False, True)
    checks = examine(bare.floor, bare.feishu, bare.sync, bare.setup)
    assert [c.level for c in checks if c.name == "访问权限"] == [Level.FAIL, Level.WARN]
    named = with_people(bare, bare.open_id)
    checks = examine(named.floor, named.feishu, named.sync, named.setup)
    (share,) = (c for c in checks if "共享给管理员" in c.sentence)
    assert (share.level, share.next_step) == (Level.FAIL, "运行 chorus setup")


def test_a_persons_own_base_is_theirs_to_open() -> None:
    """When whom it is shared with is not for us to know, nothing is told; roles still are."""
    role = RoleManifest(name="运营")
    assert [todo.closed for todo in outstanding([role], Access(None, {}), None)] == [False]
    assert outstanding([role], Access(None, {"运营": frozenset({"ou_1"})}), None) == []


@pytest.mark.db
def test_a_lost_answer_makes_no_second_base(bare: Stage) -> None:
    """The base was made, its answer was lost: it is found among the app's files and used."""
    bare.fault("/open-apis/bitable/v1/apps", kind="drop_after", times=1)
    bare.setup.apply()
    assert list(bare.sandbox.world.bitable.bases) == [bare.setup.base()]
    assert bare.setup.plan() == []


@pytest.mark.db
def test_a_run_killed_while_making_the_base_is_continued(bare: Stage) -> None:
    """The intention outlives the process: the next run takes the base the last one made."""
    bare.sync.bindings.intend_base("运营中台")
    made = bare.feishu.bitable.create_app("运营中台")
    bare.setup.apply()
    assert bare.setup.base() == made["app_token"]
    assert len(bare.sandbox.world.bitable.bases) == 1
    assert bare.sync.bindings.intended_base("运营中台") is None


@pytest.mark.db
def test_a_base_that_does_not_show_is_said(bare: Stage) -> None:
    """No answer and no base to be seen: the sentence says to run again; that run makes exactly one."""
    bare.fault("/open-apis/bitable/v1/apps", kind="drop_before", times=1)
    bare.fault("/open-apis/bitable/v1/apps", kind="status", status=502, times=1)
    with pytest.raises(UnknownOutcome, match="run `chorus setup` again"):
        bare.setup.apply()
    bare.sandbox.world.control.faults.clear()
    bare.setup.apply()
    assert len(bare.sandbox.world.bitable.bases) == 1


@pytest.mark.db
def test_several_candidates_are_for_a_person(bare: Stage) -> None:
    """Two new bases of the name are named, and none is taken or made."""
    bare.sync.bindings.intend_base("运营中台")
    tokens = [bare.feishu.bitable.create_app("运营中台")["app_token"] for _ in range(2)]
    with pytest.raises(ConfigError, match="CHORUS_BASE_APP_TOKEN") as caught:
        bare.setup.apply()
    assert all(token in str(caught.value) for token in tokens)
    assert len(bare.sandbox.world.bitable.bases) == 2


@pytest.mark.db
def test_an_older_base_of_the_name_is_not_taken(bare: Stage) -> None:
    """Only a base made after the intention can be the one whose answer was lost."""
    now = bare.clock.now()
    old = {"type": "bitable", "name": "b", "token": "x", "created_time": str(int(now.timestamp()) - 3600)}
    new = {**old, "token": "y", "created_time": str(int(now.timestamp()))}
    assert ours([old, new, {**new, "type": "docx"}, {**new, "name": "c"}], "b", now) == [new]


@pytest.mark.db
def test_an_unfinished_form_is_completed(bare: Stage) -> None:
    """A run that broke off inside the form is continued on the same view; one people closed stays closed."""
    bare.fault("*/forms/*", kind="code", code=1254302, msg="no", times=1)
    with pytest.raises(Exception, match="1254302"):
        bare.setup.apply()
    bare.setup.apply()
    assert bare.setup.plan() == []
    base = bare.sandbox.world.bitable.base(bare.app)
    (form,) = (view.form for view in base.tables[bare.table("tasks")].views.values() if view.form)
    assert (form.shared, form.description) == (True, "请填写")
    form.shared = False
    assert bare.setup.plan() == []


@pytest.mark.db
def test_setup_asks_little_when_there_is_nothing_to_do(stage: Stage, build: Callable[[Specs], Stage]) -> None:
    """Looking makes no writing call, members and sharing included."""
    writes = [call for call in stage.calls("/open-apis/") if call["method"] != "GET"]
    later = build(SPECS)
    later.setup.outstanding()
    assert [c for c in later.calls("/open-apis/") if c["method"] != "GET" and "auth" not in c["path"]] == [
        c for c in writes if "auth" not in c["path"]
    ]

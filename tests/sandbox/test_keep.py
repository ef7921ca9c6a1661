"""A kept state: what a restarted sandbox goes on with, and which files it refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.approval_state import BUDGET_CODE
from sandbox.client import Control
from sandbox.keep import VERSION, Keeper, StateError, dump, restore
from sandbox.server import SandboxServer
from sandbox.stage import HOME, Stage, answers, free_port
from tests.contract.receiver import Receiver
from tests.support.wait import until

FORM = '[{"id": "widget_plan", "type": "input", "value": "A"}]'
CARD = '{"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": "第一张"}]}}'


@contextmanager
def process(port: int, file: Path) -> Iterator[Control]:
    """A sandbox process that keeps its state, ended with SIGTERM."""
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--company", "tiny"]
    child = subprocess.Popen(
        [*command, "--keep-state", str(file)], cwd=HOME, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/_sandbox/clock"), timeout=30, what="sandbox answers")
        yield Control(f"http://127.0.0.1:{port}")
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=30)
        assert (child.returncode, errors) == (0, b"")
    finally:
        child.kill()
        child.wait()


def make_base(control: Control) -> tuple[str, str, str]:
    """A base with a formula column and one record; app token, table id and record id."""
    app = control.api("POST", "bitable/v1/apps", {"name": "库"})["app"]["app_token"]
    columns = [
        {"field_name": "品名", "type": 1},
        {"field_name": "数", "type": 2},
        {"field_name": "双倍", "type": 20, "property": {"formula_expression": "[数]*2"}},
    ]
    body = {"table": {"name": "货", "fields": columns}}
    table = control.api("POST", f"bitable/v1/apps/{app}/tables", body)["table_id"]
    path = f"bitable/v1/apps/{app}/tables/{table}/records"
    record = control.api("POST", path, {"fields": {"品名": "伞", "数": 3}})["record"]["record_id"]
    control.api("POST", f"drive/v1/files/{app}/subscribe?file_type=bitable", {})
    return app, table, record


def send(control: Control, who: str, uuid: str = "u1") -> str:
    """Send the card to a person; its message id."""
    body = {"receive_id": who, "msg_type": "interactive", "content": CARD, "uuid": uuid}
    return str(control.api("POST", "im/v1/messages?receive_id_type=open_id", body)["message_id"])


def test_a_restarted_sandbox_goes_on_with_everything(tmp_path: Path) -> None:
    """Card, edited cell, formula, approval, token, clock, keys and an undelivered event outlive SIGTERM."""
    port, file, app = free_port(), tmp_path / "state", Receiver()
    try:
        with process(port, file) as control:
            boss, *_, who = (p["open_id"] for p in control.get("people")["people"])
            control.post("subscription", url=app.url)
            place = make_base(control)
            message = send(control, who)
            instance = control.api(
                "POST", "approval/v4/instances", {"approval_code": BUDGET_CODE, "open_id": who, "form": FORM}
            )["instance_code"]
            app.answer = lambda _push: (500, b"")
            cell = {"app_token": place[0], "table_id": place[1], "record_id": place[2]}
            control.post("act/edit", open_id=boss, **cell, fields={"数": 21})
            tried = until(lambda: [d for d in log(control) if d["attempts"]], what="a first try")
            control.post("clock", advance=10)
            token, known = control._token, ids(control, place)

        app.answer = lambda _push: (200, b"{}")
        app.pushed.clear()
        with process(port, file) as again:
            again._token = token
            assert again.get("people")["people"][0]["open_id"] == boss
            assert [m["message_id"] for m in again.get(f"messages?open_id={who}")["messages"]] == [message]
            assert send(again, who) == message
            (row,) = again.rows(*place[:2])
            assert row["record_id"] == place[2]
            assert (row["fields"]["数"], row["fields"]["双倍"]["value"]) == (21, [42])
            state = again.api("GET", f"approval/v4/instances/{instance}")
            assert state["status"] == "PENDING"
            again.post("clock", advance=30)
            wanted = {d["event_id"] for d in tried}
            until(lambda: wanted <= {p.event_id for p in app.pushed}, what="the retry after the restart")
            until(lambda: again.get("deliveries")["pending"] == 0, what="nothing is left")
            fresh = ids(again, place, extra=True)
            assert known < fresh
            assert len(fresh) == len(known) + 2
    finally:
        app.stop()


def log(control: Control) -> list[dict[str, Any]]:
    """The deliveries of record events."""
    rows: list[dict[str, Any]] = control.get("deliveries?type=drive.file.bitable_record_changed_v1")[
        "deliveries"
    ]
    return rows


def ids(control: Control, place: tuple[str, str, str], *, extra: bool = False) -> set[str]:
    """Ids of records and messages; with ``extra`` one more of each is made first."""
    who = control.get("people")["people"][-1]["open_id"]
    if extra:
        send(control, who, "u2")
        path = f"bitable/v1/apps/{place[0]}/tables/{place[1]}/records"
        control.api("POST", path, {"fields": {"品名": "帽"}})
    messages = control.get(f"messages?open_id={who}")["messages"]
    return {m["message_id"] for m in messages} | {r["record_id"] for r in control.rows(*place[:2])}


def test_the_file_is_written_only_when_something_changed(tmp_path: Path, sandbox: SandboxServer) -> None:
    """A keeper writes only what differs from its file, and whole files only."""
    keeper = Keeper(sandbox.world, tmp_path / "state")
    assert not keeper.load()
    keeper.save()
    first = (tmp_path / "state").stat().st_ino
    keeper.save()
    assert (tmp_path / "state").stat().st_ino == first
    sandbox.world.ids.open_id()
    keeper.save()
    assert (tmp_path / "state").stat().st_ino != first
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("change", ["version", "fields", "cut", "other"])
def test_a_file_that_does_not_fit_is_refused_in_a_sentence(sandbox: SandboxServer, change: str) -> None:
    """Another version, other fields of a class, half a file, another file: refused, nothing is taken over."""
    raw = dump(sandbox.world)
    spoilt, words = {
        "version": (raw.replace(b"%d\n" % VERSION, b"%d\n" % (VERSION + 1), 1), "another version"),
        "fields": (raw.replace(b"leader_open_id", b"leader_open_no"), "another version"),
        "cut": (raw[: len(raw) // 2], "damaged"),
        "other": (b"PK\x03\x04", "not a kept state"),
    }[change]
    people = dict(sandbox.world.people)
    with pytest.raises(StateError, match=words):
        restore(sandbox.world, spoilt)
    assert sandbox.world.people == people


def test_the_command_ends_with_a_sentence_on_a_foreign_file(tmp_path: Path) -> None:
    """``--keep-state`` on a file that is not ours ends with 2, a sentence, and leaves the file alone."""
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        "0",
        "--company",
        "empty",
        "--keep-state",
        str(file),
    ]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, file.read_text()) == (2, "mine")
    assert "not a kept state" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stage_restarts_its_sandbox_where_it_was(tmp_path: Path) -> None:
    """``restart_sandbox`` comes back on the same port with what was there; it asks for ``keep_state``."""
    stage = Stage(tmp_path / "stage", company="tiny", keep_state=True)
    try:
        stage.open()
        place = make_base(stage.control)
        stage.restart_sandbox()
        assert [row["record_id"] for row in stage.control.rows(*place[:2])] == [place[2]]
    finally:
        stage.stop()
    with pytest.raises(ValueError, match="keep_state=True"):
        Stage(tmp_path / "other").restart_sandbox()


def test_a_state_put_into_a_running_world_pushes_its_events(sandbox: SandboxServer) -> None:
    """The senders of the state before are gone, and those of the new one work."""
    world, receiver = sandbox.world, Receiver()
    try:
        world.events.subscribe(receiver.url)
        world.events.emit("im.chat.disbanded_v1", {"chat_id": "oc_1"})
        until(lambda: len(receiver.pushed) == 1, what="the first event")
        restore(world, dump(world))
        world.events.emit("im.chat.disbanded_v1", {"chat_id": "oc_2"})
        until(lambda: len(receiver.pushed) == 2, what="an event after the state was put back")
    finally:
        receiver.stop()


def test_a_state_with_an_ordered_event_that_was_brought_is_gone_on_with(sandbox: SandboxServer) -> None:
    """The order of a lane ends with its last event; what was kept then knows the event and no lane."""
    world = sandbox.world
    world.events.emit("approval_instance", {}, v1=True, lane="approval/1")
    until(lambda: not world.events.pending(), what="the event is brought, to nobody")
    restore(world, dump(world))
    assert [each["lane"] for each in world.events.log()] == ["approval/1"]

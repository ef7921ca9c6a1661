"""Files go up into the base, stand in the cell beside those already there, and come down again."""

import pytest

from bitable_sync.cells import Attachment
from runtime.errors import PermanentError
from tests.sync.conftest import Stage

pytestmark = pytest.mark.db


def test_up_beside_the_others_and_down(stage: Stage) -> None:
    """Adding a file keeps the ones in the cell; the content that comes down is what went up."""
    made = stage.sync.pusher.upsert("plans", [{"plan_id": "p1"}], cause="c").created[0]
    files = stage.sync.attachments
    first = files.upload("plans", "主图.png", b"\x89PNG one")
    files.add("plans", made, "files", first)
    second = files.upload("plans", "说明.pdf", b"%PDF two")
    files.add("plans", made, "files", second)
    files.add("plans", made, "files", second)
    stage.sync.puller.pull("plans")
    row = stage.sync.mirror.get("plans", made)
    assert row is not None
    cell = row.values["files"]
    assert isinstance(cell, tuple)
    assert [item.name for item in cell if isinstance(item, Attachment)] == ["主图.png", "说明.pdf"]
    assert files.download("plans", made, "files", first) == b"\x89PNG one"


def test_too_many_files_are_refused(stage: Stage) -> None:
    """A cell holds 100 files; more is a sentence before anything is sent."""
    made = stage.sync.pusher.upsert("plans", [{"plan_id": "p1"}], cause="c").created[0]
    with pytest.raises(PermanentError, match="最多 100"):
        stage.sync.attachments.add("plans", made, "files", *[Attachment(f"f{n}") for n in range(101)])

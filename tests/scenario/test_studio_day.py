"""The demo's day of images: every scene passes, every request is well-formed, nothing went wrong unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sandbox.office import Office
from sandbox.studio_day import StudioDay
from tests.scenario.house import House
from tests.schemas.check import check_requests

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def played(demo_house: House) -> StudioDay:
    """The day of images, played once."""
    day = StudioDay(Office(demo_house.control))
    day.play()
    return day


def test_every_scene_of_the_studio_day_passes(played: StudioDay) -> None:
    """What ``chorus demo --once`` shows of images works, scene by scene."""
    assert [f"{each.scene}: {each.happened}" for each in played.outcomes if not each.passed] == []
    assert len(played.outcomes) == 9


def test_every_request_of_the_studio_day_fits_the_official_schemas(
    demo_house: House, played: StudioDay
) -> None:
    """From the brand's row to the card of a search, in the vendor's own eyes."""
    assert played.outcomes
    sent = demo_house.requests()
    paths = {call["path"] for call in sent}
    assert {"/open-apis/drive/v1/medias/upload_all", "/open-apis/im/v1/images"} <= paths
    assert any(path.startswith("/open-apis/wiki/v2/spaces/") for path in paths)
    assert check_requests(sent) == []


def test_no_work_was_given_up_and_no_exception_was_logged(demo_house: House, played: StudioDay) -> None:
    """A day without faults parks nothing and logs no trace."""
    assert played.outcomes
    assert demo_house.parked() == []
    assert [line for line in _logged(demo_house) if "exception" in line or line.get("level") == "error"] == []


def _logged(house: House) -> Iterator[dict[str, object]]:
    """Lines of the product's log; what is no JSON (a trace of the interpreter) counts as an error."""
    for text in (house.stage.folder / "serve.log").read_text("utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        yield line if isinstance(line, dict) else {"level": "error", "line": text}

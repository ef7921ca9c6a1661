"""One demo company with the product beside it, for every module that plays in it."""

from collections.abc import Iterator

import pytest

from sandbox.office import Office
from sandbox.payday import PayDay
from tests.conftest import Installation
from tests.scenario.house import House, running

CALM = {
    "pull_ads": "every 2s",
    "pull_stock": "every 15s",
    "pull_shops": "every 15s",
    "check_rules": "every 5s",
}
"""Two thousand articles looked at every five seconds would take half a core from all else that runs."""


@pytest.fixture(scope="package")
def demo_house(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[House]:
    """The demo company; the product's temporary files go into a folder of their own, to be looked through."""
    env = {"TMPDIR": str(tmp_path_factory.mktemp("demo-temp"))}
    folder = tmp_path_factory.mktemp("demo")
    with running(folder, installation(), "demo", env=env, schedules=CALM) as built:
        yield built


@pytest.fixture(scope="package")
def played(demo_house: House) -> PayDay:
    """The demo company's pay day, played once."""
    day = PayDay(Office(demo_house.control), command=demo_house.stage.run)
    day.play()
    return day

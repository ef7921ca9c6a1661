"""The tables of pay on a sandbox, with a key of their own: the product on one side, people on the other."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bitable_sync.context import build_sync
from bitable_sync.setup import Setup
from bitable_sync.spec import Specs
from payslip.specs import TABLES
from runtime.db import Database
from runtime.vault import Keys, Vault
from tests.support.founding import found
from tests.sync.conftest import Stage, make_stage


@contextmanager
def pay_desk(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Stage]:
    """A base with every table of pay; its first person manages it."""
    plain = make_stage(sandbox, database, tmp_path, Specs(TABLES))
    sync = build_sync(
        plain.floor, plain.feishu, Specs(TABLES), Vault(Keys({"test": secrets.token_bytes(32)}))
    )
    setup = Setup(plain.feishu, sync, plain.floor.manifest, plain.floor.settings)
    stage = replace(plain, sync=sync, setup=setup)
    try:
        found(sandbox, database, setup)
        sandbox.world.bitable.base(stage.app).managers.add(stage.open_id)
        yield stage
    finally:
        stage.feishu.close()
        stage.floor.mirror.close()

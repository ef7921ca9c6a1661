"""`chorus demo` as a newcomer runs it: it says where to look, and Ctrl-C stops everything it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sandbox.client import until
from sandbox.stage import HOME, answers
from tests.scenario.support_kill import family, gone

pytestmark = [pytest.mark.process, pytest.mark.timeout(420)]


def test_it_says_where_to_look_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    """The printed pages answer; Ctrl-C twice, as an impatient person does, and nothing is left running."""
    said = tmp_path / "said"
    command = [sys.executable, str(HOME / "app.py"), "demo", "--port", "0", "--sandbox-port", "0"]
    # Tests that run in the background ignore Ctrl-C, and what they start would inherit that.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    with said.open("wb") as out:
        demo = subprocess.Popen(
            [*command, "--var", str(tmp_path)], stdout=out, stderr=out, start_new_session=True
        )
    signal.signal(signal.SIGINT, heard)
    try:
        until(lambda: "Ctrl-C stops everything" in said.read_text("utf-8"), 300, "the demo is ready")
        pages = re.findall(r"http://127\.0\.0\.1:\d+/\S*", said.read_text("utf-8"))
        assert len(pages) >= 9
        assert all(requests.get(page, timeout=20).status_code == 200 for page in pages)
        names = family(demo.pid)
        assert {"chorus-worker", "chorus-web"} <= set(names.values())
        os.killpg(demo.pid, signal.SIGINT)  # a terminal tells the whole group
        until(lambda: "stopping everything" in said.read_text("utf-8"), 30, "it stops")
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(60) == 0
        until(lambda: gone(list(names)), 10, "the end of all it started")
        assert not any(answers(page) for page in pages)
    finally:
        if demo.poll() is None:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)

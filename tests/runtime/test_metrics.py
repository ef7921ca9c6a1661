"""Counting is worth less than what is counted: on a full disk it is left out, and nothing else suffers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

COUNT = """
import resource, sys
from pathlib import Path
from runtime import metrics
folder = Path(sys.argv[1])
metrics.prepare(folder)
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
metrics.count("chorus_restarts_total", child="worker")
metrics.observe("chorus_job_seconds", 0.1, job="a")
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    metrics.count("chorus_restarts_total", child="web")
print(metrics.expose().decode())
"""


def counted(folder: Path, disk: str) -> str:
    """What a process that counts says of it in the end."""
    command = [sys.executable, "-c", COUNT, str(folder), disk]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_files_have_their_bytes_before_anything_is_counted(tmp_path: Path) -> None:
    """A hole in a file that is mapped into memory would end the process when the disk has no room for it."""
    assert 'chorus_restarts_total{child="worker"} 1.0' in counted(tmp_path, "roomy")
    files = sorted(tmp_path.glob("*.db"))
    assert [file.name.partition("_")[0] for file in files] == ["counter", "histogram"]
    assert all(file.stat().st_blocks * 512 >= file.stat().st_size > 0 for file in files)


def test_on_a_full_disk_nothing_fails_and_later_it_is_counted_again(tmp_path: Path) -> None:
    """No exception reaches who counts; with room again, numbers go on."""
    told = counted(tmp_path, "full")
    assert 'child="worker"' not in told
    assert 'chorus_restarts_total{child="web"} 1.0' in told

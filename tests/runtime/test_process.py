"""Python's collector rests while a process starts; afterwards it works, and passes over what was there."""

from __future__ import annotations

import json
import subprocess
import sys

START = """
import gc, json
from runtime import process

process.prepare_worker()
resting = not gc.isenabled()
stays = [[] for _ in range(1000)]
process.begun()

class Ring:
    pass

for _ in range(100_000):
    ring = Ring()
    ring.itself = ring
left = sum(isinstance(each, Ring) for each in gc.get_objects())
print(json.dumps([resting, gc.isenabled(), gc.get_freeze_count(), left]))
"""


def test_the_collector_rests_until_a_process_has_begun() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    resting, works, passed_over, left = json.loads(done.stdout)
    assert resting
    assert works
    assert passed_over > 1000
    assert left < 10_000, "rings of objects made later are still cleared away"

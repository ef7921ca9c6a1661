"""A disk that can be full: a file system in memory under an instance's folder, where that may be mounted.

Elsewhere `World.bound_files` stands for it: no file can grow, which fails too, with another error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from pathlib import Path

SIZE = 192
"""Megabytes: several times what an instance writes in a day."""
PIECES = (1 << 20, 1 << 12)
BALLAST = "ballast"


def mount(folder: Path) -> bool:
    """Give a folder a file system of its own; False where we may not."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = shutil.which("mount")
    if os.geteuid() != 0 or tool is None:
        return False
    words = [tool, "-t", "tmpfs", "-o", f"size={SIZE}m", "chorus-chaos", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def unmount(folder: Path) -> None:
    """Take it away again, with all that is on it."""
    if os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / BALLAST).open("wb", buffering=0) as ballast:
        size = 0
        for piece in PIECES:
            while True:
                try:
                    os.posix_fallocate(ballast.fileno(), size, piece)
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise
                    break
                size += piece


def free(folder: Path) -> None:
    """Give everything back."""
    with contextlib.suppress(FileNotFoundError):
        (folder / BALLAST).unlink()

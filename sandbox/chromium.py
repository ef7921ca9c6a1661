"""Debian's Chromium, driven by Playwright: the pictures of the documentation and the tests in a browser.

Playwright brings no browser of its own here: it drives the one that ``make browser`` found or installed.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sandbox.client import until
from sandbox.payday_browser import AGENT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",  # as root there is no other way, and it opens our own loopback pages only
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
)
PATIENCE = 60_000
"""Milliseconds until a page that does not come is called missing; a busy machine needs several seconds."""
LARGEST = 200_000
"""Bytes a picture of the documentation may have."""
IMAGES_THERE = "[...document.images].every((image) => image.complete)"


class NoBrowserError(RuntimeError):
    """There is no Chromium on this machine."""


def find() -> str:
    """The Chromium of this machine: what CHROMIUM names, else the first one in PATH.

    Raises:
        NoBrowserError: there is none; the message says what to do.
    """
    named = os.environ.get("CHROMIUM", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        what = f"CHROMIUM={named} cannot be run" if named else "no Chromium is in PATH"
        raise NoBrowserError(f"{what}: install it (Debian: apt install chromium) or set CHROMIUM to its path")
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a screen; it ends with the block.

    Raises:
        NoBrowserError: see `find`.
    """
    program = find()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def feishu(browser: Browser, width: int = 1200, height: int = 800) -> BrowserContext:
    """A person's own window inside Feishu: cookies of its own, Chinese, Shanghai's clock.

    Args:
        browser: from `launched`.
        width: CSS pixels.
        height: CSS pixels.
    """
    context = browser.new_context(
        user_agent=AGENT,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        viewport={"width": width, "height": height},
    )
    context.set_default_timeout(PATIENCE)
    return context


def wait(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression holds; asked from outside, as our pages let no script be made."""
    until(lambda: bool(page.evaluate(expression)), PATIENCE / 1000, f"the page shows {expression}")


def picture(page: Page, file: Path) -> int:
    """Write what is seen as a PNG with a palette; gives back its bytes, at most ``LARGEST``."""
    wait(page, IMAGES_THERE)
    data = small(page.screenshot())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return len(data)


def small(png: bytes, largest: int = LARGEST) -> bytes:
    """A PNG with as many colours as fit into so many bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    data = png
    for colours in (256, 128, 64, 32):
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        data = out.getvalue()
        if len(data) <= largest:
            return data
    return data

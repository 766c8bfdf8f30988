"""A real browser, and pictures of what it shows."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

# Milliseconds, for a busy machine: the page asks anew every 5 s, and 5 s are what `expect` waits.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # Without a sandbox of its own, which root may not use; it sees only our own page.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def log_in(page: Page, url: str, password: str) -> FrameLocator:
    """Log in to Airflow and open the page Clouds there; give its frame."""
    page.goto(url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.get_by_role("link", name="Clouds").click()
    return page.frame_locator("iframe")


def keep(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture of a page in the folder SCREENSHOTS, if there is one."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        file = Path(folder) / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png"
        page.screenshot(path=file, full_page=whole)

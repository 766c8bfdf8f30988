"""A real browser at a real web server."""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# The web server and the inventory of the API's own tests.
_spec = importlib.util.spec_from_file_location("api_fixtures", REPOSITORY / "tests/api/conftest.py")
assert _spec
assert _spec.loader
api = importlib.util.module_from_spec(_spec)
sys.modules["api_fixtures"] = api
_spec.loader.exec_module(api)
globals().update({name: value for name, value in vars(api).items() if name.islower()})


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # Without a sandbox of its own, which root may not use; it sees only our own page.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(
    browser: Browser, web: Any, inventory: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens the page as the user of a role; whatever a script complains of fails the test.

    How the page looked in the end is kept as a picture in the folder SCREENSHOTS, if there is one.
    """
    contexts, errors = [], list[str]()

    def visited(role: str = "Admin", query: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": web.token(role), "url": web.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{web.url}/cloudmesh/ui/{query}")
        page.locator("#vms tr").first.wait_for()
        return page

    yield visited
    for number, context in enumerate(contexts):
        _keep(context.pages[0], f"{request.node.name}-{number}")
        context.close()
    assert not errors


def _keep(page: Page, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        file = Path(folder) / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png"
        page.screenshot(path=file, full_page=True)


@pytest.fixture(scope="session")
def axe() -> Path:
    """The accessibility scanner."""
    script = Path(os.environ.get("AXE_CORE", "none")) / "axe.min.js"
    if not script.exists():
        pytest.skip("AXE_CORE is not set: the folder of npm's package axe-core")
    return script


@pytest.fixture(scope="session")
def scan(axe: Path) -> Callable[[Page], list[str]]:
    """Names what is serious of what the scanner finds on a page that may run its script."""

    def scanned(page: Page) -> list[str]:
        page.add_script_tag(path=axe)
        found = page.evaluate("axe.run().then((result) => result.violations)")
        return [one["id"] for one in found if one["impact"] in ("serious", "critical")]

    return scanned

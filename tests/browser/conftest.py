"""A real browser at a real web server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ..api import conftest as api
from . import chromium
from .chromium import keep

# The web server and the inventory of the API's own tests.
globals().update({name: value for name, value in vars(api).items() if name.islower()})

browser = chromium.browser


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
        context.set_default_timeout(chromium.PATIENCE)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": web.token(role), "url": web.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{web.url}/cloudmesh/ui/{query}")
        page.locator("#position:not(:empty)").wait_for()
        return page

    yield visited
    for number, context in enumerate(contexts):
        keep(context.pages[0], f"{request.node.name}-{number}")
        context.close()
    assert not errors


@pytest.fixture(scope="session")
def axe() -> Path:
    """The accessibility scanner."""
    script = Path(os.environ.get("NODE_MODULES", "none")) / "axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("NODE_MODULES is not set: a folder with npm's package axe-core")
    return script


@pytest.fixture(scope="session")
def scan(axe: Path) -> Callable[[Page], list[str]]:
    """Names what is serious of what the scanner finds on a page that may run its script."""

    def scanned(page: Page) -> list[str]:
        page.add_script_tag(path=axe)
        found = page.evaluate("axe.run().then((result) => result.violations)")
        return [one["id"] for one in found if one["impact"] in ("serious", "critical")]

    return scanned

"""The dashboard in a real Chromium, against a real service.

Chromium comes from the system. Without it these tests are skipped with the command that installs
it; where `GRAFT_REQUIRE_BROWSER` is set, as in CI, they fail instead.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.dashboard.files import PAGE, STATIC
from tests.servers import RunningGraft, running_graft

REPOSITORY = Path(__file__).parents[2]
AXE = REPOSITORY / "web" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
TIMEOUT_MS = 30_000

expect.set_options(timeout=TIMEOUT_MS)

OpenPage = Callable[..., Page]


def _need(is_met: object, what: str, command: str) -> None:
    if is_met:
        return
    message = f"{what} is missing: run `{command}`"
    if os.environ.get("GRAFT_REQUIRE_BROWSER"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: while Playwright runs, its thread can run no other event loop."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for name in names if (path := shutil.which(name))), None)
    _need(chromium, "Chromium", "apt-get install chromium")
    _need((STATIC / PAGE).is_file() and AXE.is_file(), "The built dashboard", "make web")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraft]:
    """A service for one module; it starts only where there is a browser."""
    assert browser.is_connected()
    shared = Path(os.environ.get("GRAFT_SHARED_DIR", REPOSITORY.parent / "shared"))
    with running_graft(
        tmp_path_factory.mktemp("browser"), weights_dir=shared / "weights"
    ) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, service: RunningGraft) -> Iterator[OpenPage]:
    """Opens a path of the dashboard; an error on a page's console fails the test."""
    contexts, problems = [], []

    def open_page(path: str, *, device: str = "desktop", theme: str = "light") -> Page:
        width, height = WIDTHS[device]
        context = browser.new_context(
            base_url=service.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            has_touch=device == "phone",
            is_mobile=device == "phone",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: problems.append(f"{path}: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"{path}: {message.text}")
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def upload(service: RunningGraft, archive: bytes, name: str) -> str:
    """Upload an archive and return the dataset's id; the service may still read it."""
    answer = httpx.post(
        f"{service.url}/datasets",
        files={"file": (f"{name}.zip", archive)},
        data={"name": name},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def find_violations(page: Page) -> list[str]:
    """Return what axe-core finds on the page that is serious or critical, in words."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {json.dumps([node['target'] for node in one['nodes']][:3])}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]

"""Live updates: one connection for all tabs, a service that restarts, nothing lost or doubled."""

import os
import signal
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import TIMEOUT_MS
from tests.servers import RunningGraft, list_descendants, running_graft
from tests.uploads import make_zip


def upload(service: RunningGraft, name: str) -> None:
    answer = httpx.post(
        f"{service.url}/datasets",
        files={"file": ("colors.zip", make_zip())},
        data={"name": name},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text


def show(page: Page, url: str) -> None:
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(url)
    expect(page.get_by_role("link", name="Service live")).to_be_visible()


def test_two_tabs_share_a_connection_and_survive_a_restart(
    browser: Browser, tmp_path: Path
) -> None:
    with running_graft(tmp_path) as service, browser.new_context() as context:
        streams: list[str] = []
        context.on(
            "request",
            lambda request: (
                streams.append(request.url) if "/events/stream" in request.url else None
            ),
        )
        first, second = context.new_page(), context.new_page()
        for page in (first, second):
            show(page, f"{service.url}/ui/datasets")
        assert len(streams) == 1, "each tab has its own connection"

        upload(service, "seen-by-both")
        for page in (first, second):
            expect(page.get_by_role("link", name="seen-by-both")).to_have_count(1)

        api = [pid for pid, title in list_descendants(service.pid).items() if title == "graft api"]
        os.kill(api[0], signal.SIGKILL)
        expect(first.get_by_text("The connection to the service is lost")).to_be_visible()
        expect(first.get_by_role("link", name="Service live")).to_be_visible(timeout=120_000)
        expect(second.get_by_role("link", name="Service live")).to_be_visible()
        upload(service, "after-the-restart")
        for page in (first, second):
            expect(page.get_by_role("link", name="after-the-restart")).to_have_count(1)
            expect(page.get_by_role("link", name="seen-by-both")).to_have_count(1)

        first.close()  # the tab that may hold the connection; the other takes it over
        upload(service, "seen-by-the-second")
        expect(second.get_by_role("link", name="seen-by-the-second")).to_have_count(1)

"""Pages with 100,000 images and jobs, 10,000 epochs and 1,200 classes keep few elements."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.overfull import LONG_NAME, NUM_EPOCHS, overfill
from tests.browser.conftest import OpenPage, find_violations
from tests.e2e.conftest import TRAINING
from tests.servers import RunningGraft, running_graft
from tests.uploads import make_zip

MAX_ELEMENTS = 4000


@dataclass(frozen=True)
class Overfull:
    dataset_id: str
    job_id: str


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraft]:
    assert browser.is_connected()
    with running_graft(tmp_path_factory.mktemp("overfull")) as running:
        yield running


@pytest.fixture(scope="module")
def overfull(service: RunningGraft) -> Overfull:
    with httpx.Client(base_url=service.url, timeout=60) as http:
        files = {"file": ("colors.zip", make_zip())}
        dataset_id = http.post("/datasets", files=files).raise_for_status().json()["id"]
        body = TRAINING | {"dataset_id": dataset_id, "strategy": "scratch", "epochs": 2}
        job_id = http.post("/jobs", json=body).raise_for_status().json()["id"]
        deadline = time.monotonic() + 240
        while (job := http.get(f"/jobs/{job_id}").json())["status"] != "succeeded":
            assert not job["is_terminal"], job["error"]
            assert time.monotonic() < deadline
            time.sleep(0.5)
    overfill(service.data_dir, dataset_id=dataset_id, job_id=job_id)
    return Overfull(dataset_id, job_id)


def check_elements(page: Page) -> None:
    """The page keeps what is in view, also after scrolling, and stays within the window."""
    for _ in range(4):
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(300)
        assert page.evaluate("document.querySelectorAll('*').length") < MAX_ELEMENTS
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_hundred_thousand_images(open_page: OpenPage, overfull: Overfull, device: str) -> None:
    page = open_page(f"/ui/datasets/{overfull.dataset_id}", device=device)
    expect(page.get_by_role("heading", level=1)).to_contain_text(LONG_NAME)
    page.get_by_role("main").get_by_role("img").first.wait_for()
    assert find_violations(page) == []
    check_elements(page)


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_hundred_thousand_jobs(open_page: OpenPage, overfull: Overfull, device: str) -> None:
    page = open_page("/ui/jobs", device=device)
    page.get_by_role("link", name=LONG_NAME).first.wait_for()
    assert find_violations(page) == []
    check_elements(page)
    assert overfull.job_id


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_ten_thousand_epochs(open_page: OpenPage, overfull: Overfull, device: str) -> None:
    page = open_page(f"/ui/jobs/{overfull.job_id}", device=device)
    page.locator("canvas").first.wait_for()
    expect(page.get_by_role("main")).to_contain_text(f"{NUM_EPOCHS:,}")
    assert find_violations(page) == []
    check_elements(page)

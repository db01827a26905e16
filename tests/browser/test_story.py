"""The dashboard's whole story on real photographs: from a folder to a model that is compared."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, find_violations

pytestmark = [pytest.mark.shared, pytest.mark.timeout(900)]

JOB_MS = 240_000
NUM_IMAGES = {"train": 40, "val": 20}
"""Photographs of each class, so that training takes seconds."""


@pytest.fixture(scope="module")
def photographs(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ants and bees as a person has it."""
    folder = tmp_path_factory.mktemp("photographs") / "Ants and bees"
    with zipfile.ZipFile(shared_dir / "data" / "hymenoptera_data.zip") as archive:
        for split, number in NUM_IMAGES.items():
            for label in ("ants", "bees"):
                prefix = f"hymenoptera_data/{split}/{label}/"
                names = [name for name in archive.namelist() if name.startswith(prefix)]
                for name in [name for name in names if name.endswith(".jpg")][:number]:
                    target = folder / split / label / Path(name).name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    return folder


def test_from_a_folder_to_a_compared_model(open_page: OpenPage, photographs: Path) -> None:
    page = open_page("/ui/")
    upload(page, photographs)
    train(page)
    read_the_report(page)
    first_job = page.url
    try_an_image(page, next((photographs / "val" / "bees").iterdir()))
    promote(page)
    compare(page, first_job)
    look_on_a_phone(open_page, first_job)


def upload(page: Page, photographs: Path) -> None:
    """Drop the folder, and see what is in it."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Data").click()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.get_by_label("Folder of images").set_input_files(photographs)
    expect(page.get_by_label("Name", exact=True)).to_have_value("ants-and-bees")
    expect(page.get_by_text("120 images in 2 classes, split into train, val")).to_be_visible()
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("link", name="ants-and-bees").first.click()
    expect(page.get_by_role("link", name="Train on this dataset")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("120 images · 2 classes")


def train(page: Page) -> None:
    """Train a head on ImageNet's features, and watch it."""
    page.get_by_role("link", name="Train on this dataset").click()
    choose_squeezenet(page)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page).to_have_url(re.compile(r"/ui/jobs/job_"))
    status = page.get_by_role("heading", level=1)
    expect(status).to_contain_text("succeeded", timeout=JOB_MS)
    expect(
        page.get_by_role("img", name=re.compile("accuracy", re.IGNORECASE)).first
    ).to_be_visible()


def choose_squeezenet(page: Page) -> None:
    field = page.get_by_role("combobox", name="Architecture")
    field.fill("squeezenet1_0")
    page.get_by_role("option", name=re.compile("squeezenet1_0")).click()


def read_the_report(page: Page) -> None:
    """Open the report, and one cell of the confusion matrix."""
    page.get_by_role("navigation").get_by_role("link", name="Report").click()
    expect(page.get_by_role("term").filter(has_text="Accuracy").first).to_be_visible()
    page.get_by_role("link", name=re.compile("ants.*ants")).or_(
        page.get_by_role("button", name=re.compile("ants.*ants"))
    ).first.click()
    expect(page).to_have_url(re.compile("cell="))
    assert find_violations(page) == []


def try_an_image(page: Page, image: Path) -> None:
    """Classify one's own image."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Try").click()
    page.get_by_label("Images to classify").set_input_files(image)
    result = page.get_by_role("main").locator("section").filter(has_text=image.name)
    expect(result.get_by_text("ants-and-bees:1")).to_be_visible()
    expect(result.get_by_role("listitem").first).to_contain_text("bees")
    expect(result.get_by_role("slider", name="Heat map")).to_be_visible()


def promote(page: Page) -> None:
    """Make the version the champion."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Models").click()
    page.get_by_role("link", name="ants-and-bees").click()
    page.get_by_role("button", name="Actions for version 1").click()
    page.get_by_role("menuitem", name="Promote to champion…").click()
    page.get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_text("champion is version 1 now.")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("champion moved to version 1")).to_be_visible()


def compare(page: Page, first_job: str) -> None:
    """Train from scratch, and compare both jobs."""
    first_id = first_job.rsplit("/", maxsplit=1)[-1].split("?", maxsplit=1)[0]
    page.goto(f"/ui/jobs/new?clone={first_id}")
    page.get_by_text("From scratch", exact=True).click()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/ui/jobs/job_(?!{first_id[4:]})"))
    second_id = page.url.split("/")[-1].split("?")[0]
    expect(page.get_by_role("heading", level=1)).to_contain_text("succeeded", timeout=JOB_MS)
    page.goto(f"/ui/compare?jobs={first_id},{second_id}")
    table = page.get_by_role("table", name="Settings that differ between the jobs")
    expect(table).to_contain_text("strategy")
    expect(page.get_by_text("McNemar's exact test")).to_be_visible()
    assert find_violations(page) == []


def look_on_a_phone(open_page: OpenPage, job: str) -> None:
    """Open the pages with their content on a phone, in the dark."""
    path = job.partition("/ui/")[2].partition("?")[0]
    for place in (
        "/ui/",
        "/ui/datasets",
        f"/ui/{path}",
        f"/ui/{path}?tab=report",
        f"/ui/{path}?tab=mistakes",
        "/ui/models/ants-and-bees",
        "/ui/models/ants-and-bees?tab=evaluate",
        "/ui/models/ants-and-bees?tab=export",
        "/ui/try",
    ):
        page = open_page(place, device="phone", theme="dark")
        expect(page.get_by_role("main")).to_contain_text("ants-and-bees")
        assert find_violations(page) == [], place
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place

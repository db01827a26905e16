"""A job with a time budget is created in the dashboard, and its search is read."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, find_violations, upload
from tests.e2e.test_portfolio import make_difficult_zip
from tests.servers import RunningGraft

LEAST_TEXT_HEIGHT = 10
"""Pixels of a line of the smallest text that is read without effort."""


def test_a_search_is_started_and_shown(service: RunningGraft, open_page: OpenPage) -> None:
    dataset_id = upload(service, make_difficult_zip(), "budgeted")
    page = open_page(f"/ui/jobs/new?dataset={dataset_id}")
    page.get_by_label("Time budget").select_option("1 minute")
    expect(page.get_by_text("The job chooses the recipe.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Architecture")).to_have_count(0)
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile("/ui/jobs/job_"))
    expect(page.get_by_text("succeeded", exact=True)).to_be_visible(timeout=180_000)
    expect(page.get_by_text("with a cross-validated accuracy of")).to_be_visible()
    expected = re.compile(r"Expected accuracy of the model: [\d.]+\s%")
    expect(page.get_by_text(expected)).to_be_visible()
    rows = page.get_by_role("table", name="Candidates").get_by_role("row")
    expect(rows.filter(has_text="tried: It was the first.")).to_have_count(1)
    assert find_violations(page) == []

    phone = open_page(page.url.removeprefix(service.url), device="phone", theme="dark")
    drawing = phone.get_by_role("img", name=re.compile(r"from .* to .*: \d"))
    expect(drawing).to_be_visible()
    box = drawing.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390  # the window's width
    label = drawing.locator("text").first.bounding_box()
    assert label is not None
    assert label["height"] >= LEAST_TEXT_HEIGHT
    assert find_violations(phone) == []

"""A study is created in the dashboard, and its search is followed."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, find_violations, upload
from tests.servers import RunningGraft
from tests.uploads import make_zip


def test_a_search_is_started_and_says_what_it_waits_for(
    service: RunningGraft, open_page: OpenPage
) -> None:
    dataset_id = upload(service, make_zip(), "searched")
    page = open_page(f"/ui/studies/new?dataset={dataset_id}")
    expect(page.get_by_role("radio", name=re.compile("^TPE"))).to_be_checked()
    expect(page.get_by_text("Chooses each configuration by the results so far.")).to_be_visible()
    assert find_violations(page) == []
    page.get_by_label("Strategy").select_option("scratch")
    page.get_by_role("radio", name=re.compile("^Grid")).check()
    expect(page.get_by_role("textbox", name="Configurations")).to_have_count(0)
    page.get_by_role("radio", name=re.compile("^Hyperband")).check()
    page.get_by_role("textbox", name="Epochs").fill("1")
    page.get_by_role("button", name="Start the study").click()
    expect(page.get_by_text("so they need more")).to_be_visible()
    page.get_by_role("textbox", name="Epochs").fill("9")
    page.get_by_role("textbox", name="Configurations").fill("5")
    page.get_by_role("button", name="Start the study").click()
    study = re.compile("/ui/studies/study_")
    page.wait_for_url(study)
    waits = "Waiting for results of 2 configurations before it asks for the next."
    expect(page.get_by_text(waits)).to_be_visible()
    expect(page.get_by_text("drawn at random")).to_have_count(2)
    assert find_violations(page) == []
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the runs").click()
    expect(page.get_by_text("so the search asks for no more configurations")).to_be_visible()
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("link", name="Studies").click()
    page.get_by_role("link", name="searched").click()
    page.wait_for_url(study)
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill("searched")
    page.get_by_role("button", name=re.compile("^Study.*searched")).click()
    page.wait_for_url(study)

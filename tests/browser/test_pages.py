"""Every page in its empty state: names, contrast and widths, on a desktop and on a phone."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage, find_violations

PAGES = {
    "/ui/": "Home",
    "/ui/datasets": "Datasets",
    "/ui/datasets/ds_unknown": "Dataset",
    "/ui/jobs": "Jobs",
    "/ui/jobs/new": "New job",
    "/ui/jobs/job_unknown": "job_unknown",
    "/ui/compare": "Compare",
    "/ui/studies/new": "New study",
    "/ui/studies/study_unknown": "Study",
    "/ui/models": "Models",
    "/ui/models/unknown": "unknown",
    "/ui/try": "Try",
    "/ui/service": "Service",
    "/ui/nowhere": "",
}


@pytest.mark.parametrize(("device", "theme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits(
    open_page: OpenPage, path: str, device: str, theme: str
) -> None:
    page = open_page(path, device=device, theme=theme)
    page.locator("main h1, main h2").first.wait_for()
    if PAGES[path]:
        page.wait_for_function("title => document.title.startsWith(title)", arg=PAGES[path])
    assert find_violations(page) == []
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, f"{path} is {width} pixels wider than the window"


def test_keys_go_to_pages_and_search(open_page: OpenPage) -> None:
    page = open_page("/ui/")
    page.locator("main h1, main h2").first.wait_for()
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/ui/models")
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Name of a dataset, job, model or study")
    field.wait_for()
    page.keyboard.press("Escape")
    field.wait_for(state="detached")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()


def test_the_chosen_theme_survives_a_reload(open_page: OpenPage) -> None:
    page = open_page("/ui/")
    page.get_by_role("button", name="Use the dark theme").click()
    page.get_by_role("button", name="Use the light theme").wait_for()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.get_by_role("button", name="Use the light theme").wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_a_page_whose_file_is_gone_is_loaded_anew(open_page: OpenPage) -> None:
    """As after an update of the service: an open page names a file of the earlier version."""
    page = open_page("/ui/")
    page.locator("main h1, main h2").first.wait_for()
    loaded = []

    def answer_page(route: Route) -> None:
        loaded.append(route.request.url)
        route.continue_()

    def answer_file(route: Route) -> None:
        if loaded:
            route.continue_()
        else:
            route.fulfill(status=404)

    page.route("**/ui/models", answer_page)
    page.route(re.compile(r"/assets/ModelsPage-.*\.js"), answer_file)
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.get_by_role("heading", name="Models", level=1).wait_for()
    assert len(loaded) == 1


SLOW_ARCHITECTURES = """
const fetchNow = window.fetch;
window.fetch = async (request, ...rest) => {
  if (new URL(request.url ?? request, location).pathname === "/architectures")
    await new Promise((resolve) => setTimeout(resolve, 1000));
  return fetchNow(request, ...rest);
};
"""


def test_what_is_typed_before_the_options_arrive_stays(open_page: OpenPage) -> None:
    page = open_page("/ui/")
    page.add_init_script(SLOW_ARCHITECTURES)
    page.goto("/ui/jobs/new?dataset=ds_of_another_time")
    field = page.get_by_role("combobox", name="Architecture")
    expect(field).to_have_attribute("placeholder", "Loading…")
    field.fill("squeezenet1_0")
    page.get_by_role("option", name=re.compile("squeezenet1_0")).click()
    expect(field).to_have_value("squeezenet1_0")

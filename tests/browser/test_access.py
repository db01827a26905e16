"""Access control in the browser: sign in, create a key, be refused, sign out."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.local_keys import create_local_admin_key
from app.db.session import Database
from app.settings import Settings
from tests.browser.conftest import OpenPage, find_violations
from tests.datasets import add_dataset
from tests.models import register_file
from tests.oidc_provider import CLIENT_ID, OidcProvider, running_provider
from tests.servers import RunningGraft, running_graft

PAGES = {
    "/ui/access/keys": "API keys",
    "/ui/access/members": "Members",
    "/ui/access/audit": "Audit log",
    "/ui/access/use": "Use and quotas",
}
NUM_CHANGES = 3
"""Changes of the member in this file: the role, disabled, enabled."""


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with running_provider() as provider:
        provider.person |= {"email": "ada@example.org", "groups": []}
        yield provider


@pytest.fixture(scope="module")
def service(
    browser: Browser, provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGraft]:
    """A service that asks who one is."""
    assert browser.is_connected()
    with running_graft(
        tmp_path_factory.mktemp("access"),
        access_control="true",
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_default_role="viewer",
        session_hours=1,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def admin_key(service: RunningGraft) -> str:
    settings = Settings(data_dir=service.data_dir)
    return create_local_admin_key(settings, name="grace", tenant="default")


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in with the key").click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Account: ")).click()
    page.get_by_role("dialog", name="Account").get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_an_administrator_makes_a_key_for_a_viewer(open_page: OpenPage, admin_key: str) -> None:
    page = open_page("/ui/access/keys")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert find_violations(page) == []
    sign_in(page, "gk_wrong")
    expect(page.get_by_role("alert")).to_contain_text("The API key is not valid")
    sign_in(page, admin_key)
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    assert admin_key not in page.evaluate("JSON.stringify([{...localStorage}, document.cookie])")

    secret = create_viewer_key(page)
    sign_out(page)
    sign_in(page, secret)
    expect(page.get_by_role("heading", name="This page is for administrators")).to_be_visible()
    expect(page.get_by_role("link", name="Access")).to_have_count(0)
    see_what_a_viewer_may(page)
    sign_out(page)


def create_viewer_key(page: Page) -> str:
    """Create a key, and return the secret that is shown once."""
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Name", exact=True).fill("visitor")
    page.get_by_label("May do").select_option("viewer")
    page.get_by_role("button", name="Create the key").click()
    dialog = page.get_by_role("dialog", name="The key of visitor")
    secret = dialog.locator("pre").inner_text().strip()
    assert secret.startswith("gk_")
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("button", name="Copy")).to_be_visible()
    assert find_violations(page) == []
    dialog.get_by_role("button", name="I have stored it").click()
    expect(dialog).to_have_count(0)
    row = page.get_by_role("row", name=re.compile("visitor"))
    expect(row).to_contain_text("active")
    assert secret not in page.content()
    return secret


def see_what_a_viewer_may(page: Page) -> None:
    """Main actions say why they are not for a viewer, and do nothing."""
    sections = page.get_by_role("navigation", name="Main")
    sections.get_by_role("link", name="Train").click()
    page.get_by_role("button", name="New job").press("Enter")
    expect(page.get_by_role("status").get_by_text("without the scope jobs:write")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/ui/jobs$"))
    page.goto("/ui/jobs/new")
    expect(page.get_by_role("heading", name="You may not create jobs")).to_be_visible()
    page.goto("/ui/datasets")
    expect(page.get_by_text("without the scope datasets:write")).to_be_visible()
    expect(page.get_by_role("button", name="Choose a folder")).to_be_disabled()
    assert find_violations(page) == []
    page.goto("/ui/service")
    expect(page.get_by_role("alert")).to_contain_text("lacks the scope metrics")


def test_a_revoked_session_leads_to_the_sign_in_page(
    open_page: OpenPage, service: RunningGraft, admin_key: str
) -> None:
    headers = {"Authorization": f"Bearer {admin_key}"}
    with httpx.Client(base_url=service.url, headers=headers) as client:
        key = client.post("/keys", json={"name": "short", "role": "viewer"}).json()
        page = open_page("/ui/jobs?q=ants")
        sign_in(page, key["key"])
        expect(page.get_by_role("link", name="Service live")).to_be_visible()
        assert client.delete(f"/keys/{key['id']}").status_code == httpx.codes.NO_CONTENT
        expect(page.get_by_text("Your session has ended")).to_be_visible(timeout=60_000)
        expect(page).to_have_url(re.compile(r"/ui/jobs\?q=ants$"))


def test_a_person_signs_in_at_the_provider_and_gets_another_role(
    open_page: OpenPage, admin_key: str
) -> None:
    theirs = open_page("/ui/models?q=ants")
    theirs.get_by_role("link", name="Sign in at 127.0.0.1").click()
    expect(theirs.get_by_role("button", name="Account: Ada Lovelace")).to_be_visible()
    expect(theirs).to_have_url(re.compile(r"/ui/models\?q=ants$"))
    expect(theirs.get_by_role("button", name="Train a model").first).to_be_disabled()

    page = open_page("/ui/access/members")
    sign_in(page, admin_key)
    page.get_by_label("Role of Ada Lovelace").select_option("trainer")
    expect(page.get_by_text("Ada Lovelace is trainer now.")).to_be_visible()
    page.get_by_role("button", name="Disable Ada Lovelace").click()
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Enable Ada Lovelace").click()
    expect(page.get_by_text("Ada Lovelace can sign in again.")).to_be_visible()

    page.goto("/ui/access/audit")
    page.get_by_role("link", name="member.changed").first.click()
    expect(page).to_have_url(re.compile(r"action=member\.changed"))
    expect(page.get_by_role("link", name="key.created")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + NUM_CHANGES


def test_what_a_key_may_not_do_is_greyed_with_the_reason(
    open_page: OpenPage, service: RunningGraft, admin_key: str
) -> None:
    database = Database(Settings(data_dir=service.data_dir).sqlalchemy_url)
    register_file(database)
    done = {"stage": "done", "done": 1, "total": 1}
    splits = {"val": {"num_images": 8, "per_class": {"amber": 4, "blue": 4}}}
    add_dataset(database, name="flowers", splits=splits, progress=done)
    database.close()
    headers = {"Authorization": f"Bearer {admin_key}"}
    body = {"name": "reader", "scopes": ["datasets:read", "jobs:read", "models:read"]}
    key = httpx.post(f"{service.url}/keys", json=body, headers=headers).json()["key"]

    page = open_page("/ui/try?model=ants:1")
    sign_in(page, key)
    expect(page.get_by_role("heading", name="You may not classify images")).to_be_visible()
    expect(page.get_by_role("button", name="Choose images")).to_be_disabled()
    assert find_violations(page) == []
    page.goto("/ui/models/ants?tab=export")
    page.get_by_role("button", name="Quantize").press("Enter")
    expect(page.get_by_role("status").get_by_text("without the scope models:write")).to_be_visible()
    page.goto("/ui/models/ants?tab=evaluate")
    expect(page.get_by_text("without the scope models:write")).to_be_visible()
    page.get_by_label("Dataset").select_option("flowers")
    expect(page.get_by_role("heading", name="This version was not evaluated")).to_be_visible()
    assert find_violations(page) == []


def test_a_sign_in_that_fails_says_why(open_page: OpenPage, admin_key: str) -> None:
    page = open_page("/ui/jobs?q=ants")
    page.goto("/auth/callback?error=access_denied&state=of-another-browser")
    expect(page).to_have_url(re.compile("/ui/sign-in"))
    expect(page.get_by_role("alert")).to_contain_text("took too long")
    assert find_violations(page) == []
    page.goto("/ui/sign-in?problem=SIGN_IN_REFUSED&next=/ui/models")
    expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    sign_in(page, admin_key)
    expect(page).to_have_url(re.compile("/ui/models$"))
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    sign_out(page)


@pytest.mark.parametrize(("device", "theme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_about_access_is_accessible_and_fits(
    open_page: OpenPage, admin_key: str, path: str, device: str, theme: str
) -> None:
    page = open_page(path, device=device, theme=theme)
    sign_in(page, admin_key)
    expect(page.get_by_role("heading", name=PAGES[path], level=1)).to_be_visible()
    nobody = page.get_by_text("Nobody has signed in yet")
    page.locator("table, dl").or_(nobody).first.wait_for()
    assert find_violations(page) == []
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, f"{path} is {width} pixels wider than the window"

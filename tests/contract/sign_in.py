"""Steps of signing in, as a browser makes them."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi.testclient import TestClient

from app.access import service as keys
from app.access.principal import EVERYBODY, Origin, acting_as
from app.db.session import Database


def make_key(database: Database, *scopes: Any) -> tuple[str, str]:
    with database.transaction() as session, acting_as(EVERYBODY, Origin()):
        row, text = keys.add_key(session, "test", list(scopes), tenant="default")
        return row.id, str(text)


def encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def go_to_provider(browser: TestClient, next_page: str = "/ui/jobs") -> str:
    """Sign in at the provider; returns the address to which it sends the browser back."""
    start = browser.get("/auth/login", params={"next": next_page})
    assert start.status_code == 303
    back = httpx.get(start.headers["location"])
    return str(back.headers["location"])


def sign_in(browser: TestClient, next_page: str = "/ui/jobs") -> Any:
    return browser.get(go_to_provider(browser, next_page))


def land(browser: TestClient, url: str, query: dict[str, str] | None = None) -> tuple[str, str]:
    """Follow a link as a browser does; return the problem and next page of the sign-in page."""
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    answer = browser.get(url, params=query, headers={"Accept": accept})
    assert answer.status_code == 303, answer.text
    page = urlsplit(answer.headers["location"])
    assert page.path == "/ui/sign-in"
    shown = parse_qs(page.query)
    assert set(shown) == {"problem", "next"}
    return shown["problem"][0], shown["next"][0]


def whoami(browser: TestClient) -> dict[str, Any]:
    answer = browser.get("/whoami")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())

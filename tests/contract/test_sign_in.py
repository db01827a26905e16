"""Sign in at an OpenID provider or with a key, and manage members."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from app.db.base import now
from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.sign_in import authentication
from app.tenants.service import create_tenant
from tests.contract.conftest import BuildApp
from tests.contract.datasets import problem
from tests.contract.sign_in import encode, go_to_provider, land, make_key, sign_in, whoami
from tests.oidc_provider import CLIENT_ID, OidcProvider, running_provider

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
OTHER_PAGE = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture(scope="module")
def provider_server() -> Iterator[OidcProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(provider_server: OidcProvider) -> OidcProvider:
    provider_server.person = {"sub": "ada", "name": "Ada Lovelace", "groups": ["ml-team"]}
    provider_server.changes = {}
    return provider_server


@pytest.fixture
def settings(settings: Settings, provider: OidcProvider) -> Settings:
    return settings.model_copy(
        update={
            "access_control": True,
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_roles": {"ml-team": "trainer", "ops": "admin"},
        }
    )


@pytest.fixture
def browser(
    settings: Settings,
    database: Database,
    build_app: BuildApp,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    """A browser without a session."""
    assert database.engine.url.database
    monkeypatch.setattr(authentication, "FRESH_SECONDS", 0.0)
    with TestClient(
        build_app(settings),
        base_url="http://localhost",
        raise_server_exceptions=False,
        follow_redirects=False,
    ) as client:
        yield client


class TestCodeFlow:
    def test_a_person_signs_in_and_out(self, browser: TestClient) -> None:
        assert problem(browser.get("/jobs")) == (401, "UNAUTHENTICATED")
        back = sign_in(browser)
        assert (back.status_code, back.headers["location"]) == (303, "/ui/jobs")
        assert whoami(browser)["name"] == "Ada Lovelace"
        assert whoami(browser)["kind"] == "session"
        assert "jobs:write" in whoami(browser)["scopes"]
        assert browser.get("/jobs").status_code == 200
        assert problem(browser.get("/keys")) == (403, "FORBIDDEN")
        assert browser.post("/auth/logout", headers=OWN_PAGE).status_code == 204
        assert problem(browser.get("/jobs")) == (401, "UNAUTHENTICATED")

    def test_a_session_that_was_ended_is_not_accepted_from_a_copied_cookie(
        self, browser: TestClient
    ) -> None:
        sign_in(browser)
        copied = {"Cookie": f"graft_session={browser.cookies['graft_session']}"}
        browser.post("/auth/logout", headers=OWN_PAGE)
        assert problem(browser.get("/jobs", headers=copied)) == (401, "UNAUTHENTICATED")

    def test_the_cookies_are_bound_to_pages_of_this_service(self, browser: TestClient) -> None:
        start = browser.get("/auth/login").headers["set-cookie"]
        assert "graft_sign_in=" in start
        assert "HttpOnly; SameSite=Lax" in start
        cookies = sign_in(browser).headers.get_list("set-cookie")
        (session,) = [one for one in cookies if one.startswith("graft_session=")]
        assert "Path=/; HttpOnly; SameSite=Strict" in session
        assert "Secure" not in session

    def test_over_https_cookies_are_secure(
        self, settings: Settings, database: Database, provider: OidcProvider
    ) -> None:
        assert database.engine.url.database
        assert provider.issuer
        secure = settings.model_copy(update={"public_url": "https://graft.example.org"})
        with TestClient(
            create_app(secure, predicts=False),
            base_url="https://graft.example.org",
            follow_redirects=False,
        ) as browser:
            cookie = browser.get("/auth/login").headers["set-cookie"]
            assert cookie.startswith("__Host-graft_sign_in=")
            assert cookie.endswith("; Secure")
            target = browser.get("/auth/login").headers["location"]
            (uri,) = parse_qs(urlsplit(target).query)["redirect_uri"]
            assert uri == "https://graft.example.org/auth/callback"

    @pytest.mark.parametrize(
        "page", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""]
    )
    def test_it_leads_to_no_other_site(self, browser: TestClient, page: str) -> None:
        assert sign_in(browser, page).headers["location"] == "/ui/"

    def test_an_answer_to_another_sign_in_is_refused(self, browser: TestClient) -> None:
        theirs = go_to_provider(browser)
        browser.cookies.clear()
        assert problem(browser.get(theirs)) == (401, "SIGN_IN_EXPIRED")
        ours = go_to_provider(browser)
        assert theirs != ours
        assert problem(browser.get(theirs)) == (401, "SIGN_IN_EXPIRED")
        assert "graft_session" not in browser.cookies
        assert browser.get(ours).status_code == 303

    def test_a_code_counts_once(self, browser: TestClient) -> None:
        start = browser.get("/auth/login")
        attempt = {"Cookie": f"graft_sign_in={browser.cookies['graft_sign_in']}"}
        back = httpx.get(start.headers["location"]).headers["location"]
        assert browser.get(back).status_code == 303
        browser.cookies.clear()
        assert problem(browser.get(back, headers=attempt)) == (401, "UNAUTHENTICATED")

    @pytest.mark.parametrize(
        "changed", [{"next": "//evil.example"}, {"next": 1}, {"state": 1}, {"more": "x"}]
    )
    def test_a_cookie_that_is_not_ours_is_no_sign_in(
        self, browser: TestClient, changed: dict[str, Any]
    ) -> None:
        back = go_to_provider(browser)
        cookie = json.loads(urlsafe_b64decode(browser.cookies["graft_sign_in"]))
        browser.cookies.clear()
        forged = urlsafe_b64encode(json.dumps(cookie | changed).encode()).decode()
        answer = browser.get(back, headers={"Cookie": f"graft_sign_in={forged}"})
        assert problem(answer) == (401, "SIGN_IN_EXPIRED")

    @pytest.mark.parametrize(
        "changes",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"aud": "another-service"},
            {"iss": "https://evil.example"},
            {"exp": int(time.time()) - 60},
            {"exp": None},
            {"sub": ""},
        ],
    )
    def test_a_token_that_does_not_fit_opens_no_session(
        self, browser: TestClient, provider: OidcProvider, changes: dict[str, Any]
    ) -> None:
        provider.changes = changes
        assert problem(sign_in(browser)) == (401, "UNAUTHENTICATED")
        assert "graft_session" not in browser.cookies

    def test_the_provider_may_refuse(self, browser: TestClient) -> None:
        back = urlsplit(go_to_provider(browser))
        state = parse_qs(back.query)["state"][0]
        refused = browser.get("/auth/callback", params={"state": state, "error": "access_denied"})
        assert problem(refused) == (401, "SIGN_IN_REFUSED")
        assert "access_denied" in refused.json()["detail"]

    def test_a_failed_sign_in_leads_a_browser_to_the_sign_in_page(
        self, browser: TestClient, provider: OidcProvider
    ) -> None:
        back = go_to_provider(browser)
        state = parse_qs(urlsplit(back).query)["state"][0]
        refused = {"state": state, "error": "access_denied", "problem": "Call 555-0100"}
        assert land(browser, "/auth/callback", refused) == ("SIGN_IN_REFUSED", "/ui/jobs")
        provider.person["groups"] = ["sales"]
        assert land(browser, back) == ("FORBIDDEN", "/ui/jobs")
        assert land(browser, back) == ("UNAUTHENTICATED", "/ui/jobs"), "its code counts once"
        browser.cookies.clear()
        assert land(browser, back) == ("SIGN_IN_EXPIRED", "/ui/")

    def test_a_provider_that_is_down_leads_a_browser_to_the_sign_in_page(
        self, settings: Settings, database: Database, build_app: BuildApp
    ) -> None:
        assert database.engine.url.database
        without = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:1"})
        with TestClient(build_app(without), follow_redirects=False) as browser:
            query = {"next": "/ui/models"}
            assert land(browser, "/auth/login", query) == ("UNAVAILABLE", "/ui/models")
            assert problem(browser.get("/auth/login", params=query)) == (503, "UNAVAILABLE")

    def test_without_a_role_nobody_signs_in(
        self, browser: TestClient, provider: OidcProvider
    ) -> None:
        provider.person["groups"] = ["sales"]
        refused = sign_in(browser)
        assert problem(refused) == (403, "FORBIDDEN")
        assert "GRAFT_OIDC_ROLES" in refused.json()["detail"]

    def test_the_strongest_role_of_the_groups_counts(
        self, browser: TestClient, provider: OidcProvider
    ) -> None:
        provider.person["groups"] = ["ml-team", "ops", "sales"]
        sign_in(browser)
        assert "admin" in whoami(browser)["scopes"]


class TestForgery:
    def test_another_sites_page_cannot_use_the_session(self, browser: TestClient) -> None:
        sign_in(browser)
        for headers, code in (
            (OTHER_PAGE, "CROSS_ORIGIN"),
            ({"Origin": "https://evil.example"}, "CROSS_ORIGIN"),
            ({}, "FORBIDDEN"),
        ):
            answer = browser.delete("/jobs/job_unknown", headers=headers)
            assert problem(answer) == (403, code), headers
        for headers in (OWN_PAGE, {"Origin": "http://localhost"}):
            assert problem(browser.delete("/jobs/job_unknown", headers=headers)) == (
                404,
                "NOT_FOUND",
            )

    def test_another_sites_page_cannot_sign_a_browser_in(
        self, browser: TestClient, database: Database
    ) -> None:
        _, key = make_key(database, "admin")
        for headers in (OTHER_PAGE, {}):
            answer = browser.post("/auth/session", json={"api_key": key}, headers=headers)
            assert answer.status_code == 403
            assert "graft_session" not in browser.cookies


class TestTokens:
    def get(self, browser: TestClient, token: str, path: str = "/whoami") -> Any:
        return browser.get(path, headers={"Authorization": f"Bearer {token}"})

    def test_a_token_of_the_provider_is_accepted(
        self, browser: TestClient, provider: OidcProvider
    ) -> None:
        answer = self.get(browser, provider.make_token()).json()
        assert (answer["kind"], answer["name"]) == ("token", "Ada Lovelace")
        assert "jobs:write" in answer["scopes"]

    def test_scopes_of_a_token_limit_it(self, browser: TestClient, provider: OidcProvider) -> None:
        token = provider.make_token(scope="openid graft:jobs:read predict")
        assert self.get(browser, token).json()["scopes"] == ["jobs:read", "predict"]
        assert problem(self.get(browser, token, "/datasets")) == (403, "FORBIDDEN")

    def test_a_token_of_an_unknown_tenant_is_refused(
        self,
        settings: Settings,
        database: Database,
        build_app: BuildApp,
        provider: OidcProvider,
    ) -> None:
        settings = settings.model_copy(update={"oidc_tenant_claim": "org"})
        with TestClient(build_app(settings)) as client:
            refused = self.get(client, provider.make_token(org="acme"))
            assert problem(refused) == (401, "UNAUTHENTICATED")
            assert "no tenant 'acme'" in refused.json()["detail"]
            with database.transaction() as session:
                create_tenant(session, "acme")
            provider.person["sub"] = "grace"  # the answer about Ada is kept for a while
            named = provider.make_token(org="acme", name="Grace")
            assert self.get(client, named).json()["tenant"] == "acme"

    def test_a_rotated_key_is_fetched_once(
        self, browser: TestClient, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.get(browser, provider.make_token()).status_code == 200
        before = provider.num_key_requests
        old = provider.make_token()
        provider.rotate()
        monkeypatch.setattr("app.sign_in.provider._RELOAD_SECONDS", 0.0)
        assert self.get(browser, provider.make_token()).status_code == 200
        monkeypatch.undo()
        assert provider.num_key_requests == before + 1
        for _ in range(3):
            assert problem(self.get(browser, old)) == (401, "UNAUTHENTICATED")
        assert provider.num_key_requests == before + 1

    def test_forged_tokens_are_refused(self, browser: TestClient, provider: OidcProvider) -> None:
        right = provider.make_token()
        head, body, signature = right.split(".")
        hmac_head = encode(b'{"alg": "HS256"}')
        digest = hmac.digest(
            provider.key.as_pem(private=False), f"{hmac_head}.{body}".encode(), "sha256"
        )
        by_public_key = f"{hmac_head}.{body}.{encode(digest)}"
        no_head = encode(b'{"alg": "none"}')
        unsigned = f"{no_head}.{body}."
        for forged in (
            by_public_key,
            unsigned,
            f"{head}.{body}.{signature[:-8]}AAAAAAAA",
            provider.make_token(aud="another"),
            provider.make_token(exp=int(now().timestamp()) - 60),
            "a.b.c",
        ):
            assert problem(self.get(browser, forged)) == (401, "UNAUTHENTICATED"), forged


class TestKeySessions:
    def test_a_key_opens_a_session_and_ends_it(
        self, browser: TestClient, database: Database
    ) -> None:
        key_id, key = make_key(database, "jobs:read", "admin")
        opened = browser.post("/auth/session", json={"api_key": key}, headers=OWN_PAGE)
        assert opened.status_code == 204
        assert key not in str(opened.headers)
        assert (whoami(browser)["id"], whoami(browser)["kind"]) == (key_id, "session")
        assert browser.delete(f"/keys/{key_id}", headers=OWN_PAGE).status_code == 204
        assert problem(browser.get("/jobs")) == (401, "UNAUTHENTICATED")

    @pytest.mark.parametrize("text", ["gk_x", "gk_" + "0" * 24 + "_" + "0" * 64])
    def test_a_wrong_key_opens_none(self, browser: TestClient, text: str) -> None:
        answer = browser.post("/auth/session", json={"api_key": text}, headers=OWN_PAGE)
        assert problem(answer) == (401, "UNAUTHENTICATED")
        assert "graft_session" not in browser.cookies

    def test_a_session_ends(self, browser: TestClient, database: Database) -> None:
        _, key = make_key(database, "jobs:read")
        browser.post("/auth/session", json={"api_key": key}, headers=OWN_PAGE)
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE sign_in_session SET expires_at = '2020-01-01'")
        assert problem(browser.get("/jobs")) == (401, "UNAUTHENTICATED")


class TestMembers:
    @pytest.fixture
    def admin(self, database: Database) -> dict[str, str]:
        return {"Authorization": f"Bearer {make_key(database, 'admin')[1]}"}

    def test_an_administrator_changes_and_disables_a_member(
        self, browser: TestClient, provider: OidcProvider, admin: dict[str, str]
    ) -> None:
        sign_in(browser)
        (member,) = browser.get("/members", headers=admin).json()["data"]
        assert (member["name"], member["role"]) == ("Ada Lovelace", "trainer")
        path = f"/members/{member['id']}"
        refused = browser.patch(path, headers=admin, json={"role": "admin"})
        assert problem(refused) == (409, "CONFLICT")
        assert "groups" in refused.json()["detail"]
        changed = browser.patch(path, headers=admin, json={"is_disabled": True})
        assert changed.json()["is_disabled"] is True
        assert problem(browser.get("/jobs")) == (401, "UNAUTHENTICATED")
        assert problem(sign_in(browser)) == (403, "FORBIDDEN")
        token = {"Authorization": f"Bearer {provider.make_token()}"}
        assert problem(browser.get("/jobs", headers=token)) == (401, "UNAUTHENTICATED")
        entries = browser.get("/audit", headers=admin).json()["data"]
        actions = [one["action"] for one in entries]
        (signed_in,) = [one for one in entries if one["action"] == "member.signed_in"]
        (added,) = [one for one in entries if one["action"] == "member.added"]
        assert signed_in["principal_name"] == added["principal_name"] == "Ada Lovelace"
        assert {"member.added", "member.signed_in", "member.changed", "member.refused"} <= set(
            actions
        )

    def test_nobody_takes_their_own_administration_away(
        self, browser: TestClient, provider: OidcProvider
    ) -> None:
        provider.person["groups"] = ["ops"]
        sign_in(browser)
        (member,) = browser.get("/members").json()["data"]
        answer = browser.patch(
            f"/members/{member['id']}", headers=OWN_PAGE, json={"is_disabled": True}
        )
        assert problem(answer) == (409, "CONFLICT")
        assert browser.get("/members").json()["data"][0]["is_disabled"] is False


def test_the_ways_to_sign_in_are_public(browser: TestClient, provider: OidcProvider) -> None:
    ways = browser.get("/auth").json()
    assert ways == {
        "access_control": True,
        "api_key": True,
        "provider": provider.issuer.removeprefix("http://"),
    }

"""Requests for foreign hosts, from pages of other origins, and the headers that browsers obey."""

import pytest
from fastapi.testclient import TestClient
from httpx2 import Headers

from app.settings import Settings

HERE = "http://testserver"
JOB = {"dataset_id": "ds_unknown", "strategy": "scratch"}


@pytest.mark.parametrize(
    "host",
    ["testserver", "TESTSERVER:8000", "localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"],
)
def test_own_hosts_are_served(client: TestClient, host: str) -> None:
    assert client.get("/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.0.2.1", "", "[::2]", "a@localhost"]
)
def test_foreign_hosts_are_refused(client: TestClient, host: str) -> None:
    for path in ("/jobs", "/ui/", "/nowhere", "/jobs/", "/docs"):
        answer = client.get(path, headers={"Host": host}, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (400, "HOST_NOT_TRUSTED"), path
        assert "GRAFT_TRUSTED_HOSTS" in answer.json()["detail"]
        assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_may_name_any_host(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Host": "10.0.0.7:8000"}).json().get("code") is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/jobs/", "/jobs"),
        ("/jobs/?limit=2&q=%C3%A4", "/jobs?limit=2&q=%C3%A4"),
        ("/models/a%20b/", "/models/a%20b"),
    ],
)
def test_a_slash_redirect_names_no_host(client: TestClient, path: str, place: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, place)


def test_two_slashes_lead_to_no_other_host(client: TestClient) -> None:
    answer = client.get(f"{HERE}//evil.example/", follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{HERE}:81"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": HERE, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_changes_by_pages_of_other_origins_are_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    for method, path in (("POST", "/jobs"), ("DELETE", "/jobs/job_1"), ("PUT", "/serving")):
        answer = client.request(method, path, json=JOB, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_ORIGIN"), path
    assert client.get("/jobs", headers=headers).status_code == 200
    assert client.get("/jobs").headers.keys().isdisjoint({"access-control-allow-origin"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": HERE},
        {"Origin": "https://testserver"},  # a proxy has ended TLS
        {"Origin": HERE, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_own_pages_may_change_something(
    client: TestClient, headers: dict[str, str]
) -> None:
    assert client.post("/jobs", json=JOB, headers=headers).status_code == 404


def test_every_answer_has_security_headers(client: TestClient) -> None:
    for path in ("/jobs", "/nowhere", "/ui/", "/docs", "/livez", "/v2"):
        check_security_headers(client.get(path).headers)


def check_security_headers(headers: Headers) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert "microphone=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert len(headers.get_list("content-security-policy")) == 1


class TestWithTrustedNames:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        hosts = "testserver, graft.example.org,*.example.net"
        return settings.model_copy(update={"trusted_hosts": hosts, "host": "0.0.0.0"})  # noqa: S104 - nothing listens

    @pytest.mark.parametrize("host", ["graft.example.org:443", "a.example.net", "192.0.2.1:8000"])
    def test_they_are_served(self, client: TestClient, host: str) -> None:
        assert client.get("/jobs", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize("host", ["example.org", "example.net", "0.0.0.0.example.com"])
    def test_others_are_not(self, client: TestClient, host: str) -> None:
        assert client.get("/jobs", headers={"Host": host}).status_code == 400


class TestWithOtherOrigins:
    ORIGIN = "https://app.example.org"

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"cors_origins": self.ORIGIN})

    def test_their_pages_may_use_the_api(self, client: TestClient) -> None:
        headers = {"Origin": self.ORIGIN, "Sec-Fetch-Site": "cross-site"}
        asked = {"Access-Control-Request-Method": "POST"}
        preflight = client.options("/jobs", headers=headers | asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == self.ORIGIN
        answer = client.post("/jobs", json=JOB, headers=headers)
        assert answer.status_code == 404
        assert answer.headers["access-control-allow-origin"] == self.ORIGIN

    def test_pages_of_further_origins_may_not(self, client: TestClient) -> None:
        headers = {"Origin": "https://evil.example"}
        assert client.post("/jobs", json=JOB, headers=headers).status_code == 403
        assert "access-control-allow-origin" not in client.get("/jobs", headers=headers).headers


@pytest.mark.parametrize("origins", ["*", "app.example.org", "https://app.example.org/page"])
def test_only_origins_can_be_set(origins: str) -> None:
    with pytest.raises(ValueError, match="must be an origin"):
        Settings(cors_origins=origins)

"""The pages that show the OpenAPI document: their files and their Content-Security-Policy."""

import base64
import hashlib
import re

import pytest
from fastapi.testclient import TestClient

PAGES = pytest.mark.parametrize("path", ["/docs", "/redoc"])


def get_policy(client: TestClient, path: str) -> dict[str, list[str]]:
    """Return the sources of each directive of a page's policy."""
    policy = client.get(path).headers["Content-Security-Policy"]
    return {name: sources for name, *sources in map(str.split, policy.split(";"))}


@PAGES
def test_the_pages_need_no_other_server(client: TestClient, path: str) -> None:
    assets = re.findall(r'(?:src|href)="([^"]+)"', client.get(path).text)
    assert len(assets) > 1
    for asset in assets:
        assert not re.match(r"(https?:)?//", asset), asset
        assert client.get(asset).status_code == 200, asset


@PAGES
def test_the_policy_allows_only_this_service(client: TestClient, path: str) -> None:
    policy = get_policy(client, path)
    assert policy["default-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    sources = {source for listed in policy.values() for source in listed}
    hashes = {source for source in sources if source.startswith("'sha256-")}
    assert sources - hashes <= {"'self'", "'none'", "'unsafe-inline'", "data:", "blob:"}
    assert "data:" not in policy["script-src"]
    assert "'unsafe-inline'" not in policy["script-src"]


@PAGES
def test_the_policy_names_the_inline_scripts_by_hash(client: TestClient, path: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", client.get(path).text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    expected = ["'self'", *(f"'sha256-{digest}'" for digest in digests)]
    assert get_policy(client, path)["script-src"] == expected
    assert bool(scripts) == (path == "/docs")


def test_swagger_ui_has_no_inline_styles(client: TestClient) -> None:
    page = client.get("/docs").text
    assert not re.search(r"<style|style=|\son\w+=", page)
    assert get_policy(client, "/docs")["style-src"] == ["'self'"]


def test_the_introduction_leads_to_the_dashboard_and_the_document(client: TestClient) -> None:
    text = client.get("/openapi.json").json()["info"]["description"]
    assert {"/ui/", "/openapi.json"} == set(re.findall(r"\]\((.*?)\)", text))
    for call in re.findall(r"`([A-Z]+ /[^`]*)`", text):
        method, path = call.split(" ")
        assert method.lower() in client.get("/openapi.json").json()["paths"][path]

"""The dashboard's files below `/ui/`, as `make web` builds them."""

import gzip
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.dashboard import files

built = pytest.mark.skipif(
    not (files.STATIC / files.PAGE).is_file(), reason="the dashboard is not built (`make web`)"
)


@pytest.fixture
def script(client: TestClient) -> str:
    """The path of the dashboard's main script."""
    found = re.search(r'src="(/ui/assets/[^"]+\.js)"', client.get("/ui/").text)
    assert found is not None
    return found[1]


def test_the_root_redirects_to_the_dashboard(client: TestClient) -> None:
    for path in ("/", "/ui"):
        response = client.get(path, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (307, "/ui/")


@built
def test_every_page_is_the_same_html(client: TestClient) -> None:
    first = client.get("/ui/")
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    for path in ("/ui/jobs/job_01k0w1rhzemcbybsywa1w8p9", "/ui/datasets", "/ui/models/v1.2-net"):
        assert client.get(path).content == first.content


@built
def test_assets_never_change_and_are_compressed(client: TestClient, script: str) -> None:
    response = client.get(script, headers={"Accept-Encoding": "gzip"})
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-encoding"] == "gzip"
    plain = client.get(script, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == response.content
    assert len(gzip.compress(plain.content)) >= int(response.headers["content-length"]) * 0.9


@built
def test_an_unchanged_file_is_not_sent_again(client: TestClient, script: str) -> None:
    etag = client.get(script).headers["etag"]
    again = client.get(script, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(script, headers={"If-None-Match": '"other"'}).status_code == 200


@built
def test_no_path_leaves_the_folder(client: TestClient) -> None:
    page = client.get("/ui/").content
    assert client.get("/ui/..%2ffiles.py").content == page
    assert client.get("/ui/assets/..%2f..%2ffiles.py").status_code == 404


@built
def test_the_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    response = client.get("/ui/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|https?://", response.text)


@built
@pytest.mark.parametrize("path", ["/ui/assets/none.js", "/ui/none.png", "/ui/%00.js"])
def test_an_unknown_file_is_a_problem(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "NOT_FOUND"


def test_other_unknown_paths_stay_problems(client: TestClient) -> None:
    response = client.get("/uix")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_dashboard_that_is_not_built_says_so(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "STATIC", tmp_path)
    files.list_files.cache_clear()
    try:
        response = client.get("/ui/")
        assert response.status_code == 503
        assert "make web" in response.json()["detail"]
    finally:
        files.list_files.cache_clear()

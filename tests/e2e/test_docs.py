"""What the README and the how-tos tell a reader to type, typed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.e2e.conftest import Graft
from tests.uploads import draw_picture, make_zip

SESSIONS = [
    REPOSITORY / "README.md",
    *(
        REPOSITORY / "docs" / "how-to" / f"{name}.md"
        for name in (
            "train-on-photographs",
            "go-on-from-a-model",
            "promote-and-roll-back",
            "compare-configurations",
            "choose-a-strategy",
            "judge-a-model",
            "predict-many-images",
            "speak-open-inference",
            "trust-answers",
            "export-a-model",
        )
    ),
]


def read_commands(page: Path) -> str:
    """The page's shell blocks that speak to the service."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return "\n".join(block for block in blocks if "localhost:8000" in block)


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
def test_figures_are_asked_for_as_the_page_says(graft: Graft) -> None:
    address = str(graft.http.base_url).removeprefix("http://").rstrip("/")
    commands = read_commands(REPOSITORY / "docs" / "how-to" / "observe.md")
    typed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands.replace("localhost:8000", address)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert typed.returncode == 0, typed.stderr
    assert 'graft_http_requests_total{method="GET",route="/models",status="200"}' in typed.stdout
    assert "# HELP graft_predict_stage_seconds" in typed.stdout


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_a_page_can_be_pasted(graft: Graft, page: Path, tmp_path: Path) -> None:
    (tmp_path / "photographs.zip").write_bytes(make_zip())
    (tmp_path / "picture.jpg").write_bytes(draw_picture("blue", 7))
    address = str(graft.http.base_url).removeprefix("http://").rstrip("/")
    commands = read_commands(page).replace("localhost:8000", address)
    earlier = {job["id"] for job in graft.get("/jobs", limit=1000)["data"]}
    typed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert typed.returncode == 0, typed.stderr
    assert '"urn:graft:' not in typed.stdout, "a command was answered with a problem"
    jobs = [job for job in graft.get("/jobs", limit=1000)["data"] if job["id"] not in earlier]
    assert jobs
    assert {job["status"] for job in jobs} == {"succeeded"}
    shown = re.findall(rf"{address}/predict(?:\?[^'\"]*['\"])?\n", commands)
    assert typed.stdout.count('"predictions"') == len(shown)
    if "history.png" in commands:
        assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")

"""Run the commands of the tutorial and the how-to guides."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.documents import read_blocks
from tests.e2e.conftest import Graft
from tests.servers import running_graft
from tests.uploads import draw_picture, make_zip

HOW_TO = REPOSITORY / "docs" / "how-to"
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
SESSIONS = [
    TUTORIAL,
    *(
        HOW_TO / f"{name}.md"
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


WAIT_FOR_DATASETS = ("train-on-photographs", "choose-a-strategy")
WAIT_FOR_OTHERS = ("compare-configurations", "predict-many-images", "promote-and-roll-back")

BASH = ("bash", "-euo", "pipefail", "-c")
PYTHON = (sys.executable, "-c")


def read_commands(page: Path, language: str = "sh") -> str:
    """The page's blocks of a language: what a reader types while the service runs.

    The fixture's service has weights of resnet18 only, and epochs take long without a GPU.
    """
    code = read_blocks(page, language).replace("squeezenet1_0", "resnet18")
    return re.sub(r"\b(epochs\W+)[2-9]\b", r"\g<1>1", code)


def put_images(folder: Path, archive: bytes) -> None:
    """Put the files that the pages name into a reader's folder."""
    for name in ("photographs.zip", "hymenoptera_data.zip"):
        (folder / name).write_bytes(archive)
    (folder / "picture.jpg").write_bytes(draw_picture("blue", 7))


def type_in(
    folder: Path,
    graft: Graft,
    commands: str,
    *,
    seconds: int = 240,
    interpreter: Sequence[str] = BASH,
) -> subprocess.CompletedProcess[str]:
    """Run commands as a script in a folder that has the repository's documents."""
    (folder / "docs").symlink_to(REPOSITORY / "docs")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"PATH": path, "GRAFT_URL": str(graft.http.base_url).rstrip("/")}
    return subprocess.run(
        [*interpreter, commands],
        cwd=folder,
        env=os.environ | own | {"MAX_WAIT_SECONDS": str(seconds)},
        capture_output=True,
        text=True,
        timeout=2 * seconds,
        check=False,
    )


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
def test_figures_are_asked_for_as_the_page_says(graft: Graft, tmp_path: Path) -> None:
    typed = type_in(tmp_path, graft, read_commands(HOW_TO / "observe.md"), seconds=60)
    assert typed.returncode == 0, typed.stderr
    assert 'graft_http_requests_total{method="GET",route="/models",status="200"}' in typed.stdout
    assert "# HELP graft_predict_stage_seconds" in typed.stdout


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize("name", ["use-weights-offline", "upgrade"])
def test_questions_of_an_operator_are_answered(graft: Graft, name: str, tmp_path: Path) -> None:
    typed = type_in(tmp_path, graft, read_commands(HOW_TO / f"{name}.md"), seconds=60)
    assert typed.returncode == 0, typed.stderr
    told = {"use-weights-offline": '2 "availability":"local"', "upgrade": "graft_database_up 1.0"}
    assert told[name] in typed.stdout


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
def test_an_archive_is_uploaded_in_parts_as_the_page_says(graft: Graft, tmp_path: Path) -> None:
    put_images(tmp_path, make_zip(num_train=2, num_val=1))
    typed = type_in(tmp_path, graft, read_commands(HOW_TO / "upload-large-archives.md"), seconds=60)
    assert typed.returncode == 0, typed.stderr
    (dataset,) = graft.get("/datasets", q="sent-in-parts")["data"]
    assert (dataset["status"], dataset["class_names"]) == ("ready", ["amber", "blue"])


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
def test_a_backup_of_a_running_service_can_be_started(graft: Graft, tmp_path: Path) -> None:
    """The page's commands copy it; the copy then shows the same, and its images are there."""
    dataset = graft.upload(make_zip(num_train=2, num_val=1), "backed-up")
    graft.wait_for(f"/datasets/{dataset}", "status", "ready")
    (tmp_path / "graft-data").symlink_to(graft.running.data_dir)
    page = HOW_TO / "back-up.md"
    typed = type_in(tmp_path, graft, read_commands(page), seconds=60)
    assert typed.returncode == 0, typed.stderr
    assert "backup.tar is intact: " in typed.stdout
    (restore,) = re.findall(
        r"^graft restore backup.tar$", read_blocks(page, "console"), re.MULTILINE
    )
    (tmp_path / "docs").unlink()
    restore = f"GRAFT_DATA_DIR=restored/graft {restore}"
    typed = type_in(tmp_path, graft, restore, seconds=60)
    assert typed.returncode == 0, typed.stderr
    with running_graft(tmp_path / "restored") as restored:
        copy = Graft(restored)
        assert copy.get(f"/datasets/{dataset}") == graft.get(f"/datasets/{dataset}")
        (image, *_) = copy.get(f"/datasets/{dataset}/images")["data"]
        content = copy.http.get(f"/datasets/{dataset}/images/{image['id']}")
        assert sha256(content.content).hexdigest() == image["sha256"]
        copy.http.close()


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_a_page_can_be_pasted(graft: Graft, page: Path, tmp_path: Path) -> None:
    put_images(tmp_path, make_zip())
    commands = read_commands(page)
    earlier = {job["id"] for job in graft.get("/jobs", limit=1000)["data"]}
    typed = type_in(tmp_path, graft, commands)
    assert typed.returncode == 0, typed.stderr
    assert '"urn:graft:' not in typed.stdout, "a command was answered with a problem"
    jobs = [job for job in graft.get("/jobs", limit=1000)["data"] if job["id"] not in earlier]
    assert jobs
    assert {job["status"] for job in jobs} == {"succeeded"}
    shown = re.findall(r"^ask '?/predict[ ?][^>\n]*$", commands, re.MULTILINE)
    assert typed.stdout.count('"predictions"') == len(shown)
    for name in re.findall(r"> ([\w.]+\.png)$", commands, re.MULTILINE):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize(("language", "interpreter"), [("python", PYTHON)])
def test_the_tutorial_can_be_typed(
    graft: Graft, language: str, interpreter: Sequence[str], tmp_path: Path
) -> None:
    """The tabs without curl; each trains two versions, and promotes the second."""
    put_images(tmp_path, make_zip(num_train=4, num_val=2))
    name = f"tutorial-{language}"
    code = read_commands(TUTORIAL, language).replace("ants-and-bees", name)
    typed = type_in(tmp_path, graft, code, interpreter=interpreter)
    assert typed.returncode == 0, typed.stderr
    model = graft.get(f"/models/{name}")
    assert (model["newest_version"], model["aliases"]["champion"]) == (2, 2)
    assert graft.get("/serving")["model"] == f"{name}@champion"


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
def test_the_tutorial_can_be_followed_at_the_command_line(graft: Graft, tmp_path: Path) -> None:
    """The service is shared with other tests, so the model gets another name than theirs."""
    put_images(tmp_path, make_zip())
    commands = read_commands(TUTORIAL, "bash").replace("ants-and-bees", "followed")
    typed = type_in(tmp_path, graft, commands)
    assert typed.returncode == 0, typed.stderr
    assert graft.get("/models/followed")["aliases"]["champion"] in {1, 2}
    assert "followed@champion is version 1 now." in typed.stdout


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_a_page_ends_where_weights_are_unavailable(
    graft: Graft, page: Path, tmp_path: Path
) -> None:
    """The fixture's service may download none."""
    put_images(tmp_path, make_zip(num_train=2, num_val=1))
    commands = read_commands(page).replace("resnet18", "resnet34")
    assert_it_ends(type_in(tmp_path, graft, commands, seconds=60), '"code":"WEIGHTS_UNAVAILABLE"')


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize(
    "page",
    [TUTORIAL, *(HOW_TO / f"{name}.md" for name in (*WAIT_FOR_DATASETS, *WAIT_FOR_OTHERS))],
    ids=lambda page: page.stem,
)
def test_a_page_ends_where_the_dataset_is_invalid(graft: Graft, page: Path, tmp_path: Path) -> None:
    put_images(tmp_path, make_zip(class_names=["amber"], num_train=2))
    typed = type_in(tmp_path, graft, read_commands(page), seconds=60)
    assert_it_ends(typed, "at least two class folders")


def assert_it_ends(typed: subprocess.CompletedProcess[str], told: str) -> None:
    """It failed with a message, and not because a wait came to its bound."""
    assert typed.returncode != 0
    assert told in typed.stderr
    assert "MAX_WAIT_SECONDS" not in typed.stderr


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
@pytest.mark.parametrize("wait", ["wait_for", "ask_until_done"])
def test_a_wait_ends_at_its_bound(graft: Graft, tmp_path: Path, wait: str) -> None:
    """`curl` is a stand-in that always answers with work in progress, as without any worker."""
    commands = f"""
        . docs/how-to/ask.sh
        curl() {{
          printf '{{"id":"job_1","status":"running"}}' > "$4"
          printf 202
        }}
        {wait} /jobs/job_1
    """
    typed = type_in(tmp_path, graft, commands, seconds=2)
    assert typed.returncode == 1
    assert "/jobs/job_1 has " in typed.stderr
    assert "after 2 s; MAX_WAIT_SECONDS=" in typed.stderr


@pytest.mark.parametrize("graft", ["sqlite and the embedded broker"], indirect=True)
def test_a_service_that_is_down_is_told(graft: Graft, tmp_path: Path) -> None:
    typed = type_in(
        tmp_path, graft, ". docs/how-to/ask.sh\nGRAFT_URL=http://127.0.0.1:9\nask /jobs", seconds=10
    )
    assert typed.returncode == 1
    assert "curl: (7)" in typed.stderr

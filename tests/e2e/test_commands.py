"""`graft` as a person uses it: real processes on both sides."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from graft_client.console.exit_codes import ExitCode
from tests.e2e.conftest import SQLITE, TRAINING, Graft
from tests.servers import find_free_port, running_graft
from tests.uploads import make_zip


def graft_command(
    *arguments: str | Path, url: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "graft_client.cli", *map(str, arguments)],
        env=os.environ | {"GRAFT_URL": url} | settings,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def type_in(graft: Graft, *arguments: str | Path, code: int = 0) -> str:
    """Run a command against the service; return its standard output."""
    done = graft_command(*arguments, url=graft.running.url)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "colors.zip").write_bytes(make_zip(num_train=6, num_val=4))
    with zipfile.ZipFile(tmp_path / "colors.zip") as archive:
        archive.extractall(tmp_path / "colors")
    return tmp_path / "colors"


@pytest.mark.parametrize("graft", [SQLITE], indirect=True)
def test_a_story_at_the_command_line(graft: Graft, folder: Path, tmp_path: Path) -> None:
    told = type_in(graft, "upload", folder, "--name", "cli-colors")
    assert "is ready: 20 images of 2 classes" in told
    fields = [
        word
        for key, value in TRAINING.items()
        if key not in {"architecture", "weights"}
        for word in ("--set", f"{key}={value}")
    ]
    recipe = ["--architecture", TRAINING["architecture"], "--weights", "none", "--epochs", "3"]
    trained = type_in(graft, "train", "cli-colors", *recipe, *fields, "--watch", "--json")
    job = json.loads(trained)
    assert job["status"] == "succeeded"
    assert "Accuracy" in type_in(graft, "job", "show", job["id"])
    history = json.loads(type_in(graft, "job", "history", "last", "--json"))
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert "validation" in type_in(graft, "job", "plot", job["id"])
    assert job["id"] in type_in(graft, "jobs", "--dataset", "cli-colors")

    chosen = ["--model", "cli-colors:1"]
    rows = json.loads(type_in(graft, "predict", folder, *chosen, "--json"))
    assert [Path(row["path"]).suffix for row in rows] == [".jpg"] * 20
    batch = tmp_path / "batch.json"
    type_in(graft, "predict", tmp_path / "colors.zip", *chosen, "--output", batch)
    direct = {row["path"].removeprefix(f"{folder}/"): row["predictions"] for row in rows}
    by_worker = {row["path"]: row["predictions"] for row in json.loads(batch.read_text())}
    assert direct.keys() == by_worker.keys()
    labels = {path: found[0]["label"] for path, found in direct.items()}
    assert labels == {path: found[0]["label"] for path, found in by_worker.items()}

    assert "cli-colors@champion is version 1" in type_in(graft, "promote", "cli-colors")
    assert "not_worse" in type_in(graft, "gate", "cli-colors", "cli-colors")
    assert "accuracy" in type_in(graft, "evaluate", "cli-colors:1", "cli-colors", "--split", "val")
    export = tmp_path / "model.zip"
    type_in(graft, "export", "cli-colors:1", export, "--format", "safetensors")
    assert zipfile.is_zipfile(export)
    assert "alias_moved" in type_in(graft, "events", "cli-colors")
    assert type_in(graft, "open", "--no-browser") == f"{graft.running.url}/ui/\n"
    type_in(graft, "rollback", "cli-colors", code=ExitCode.REFUSED)
    type_in(graft, "train", "cli-colors", "--epochs", "0", code=ExitCode.REFUSED)
    type_in(graft, "dataset", "delete", "cli-colors", "--yes")


@pytest.mark.parametrize("graft", [SQLITE], indirect=True)
def test_the_start_of_the_service_says_where_everything_is(graft: Graft) -> None:
    log = (graft.running.data_dir.parent / "graft.log").read_text()
    for line in (
        f"  database   sqlite:///{graft.running.data_dir}/graft.db\n",
        f"  files      {graft.running.data_dir}/storage\n",
        "  queues     cpu, predict, train\n",
        "Preparing the database.\n",
        f"  API docs   {graft.running.url}/docs\n",
        "Press Ctrl-C to stop.\n",
    ):
        assert line in log
    assert "  dashboard  " in log


def test_a_migration_says_what_it_did(tmp_path: Path) -> None:
    first = graft_command("migrate", GRAFT_DATA_DIR=str(tmp_path / "new"))
    assert first.returncode == 0, first.stderr
    started, ended = first.stdout.splitlines()
    assert started == f"Migrating sqlite:///{tmp_path}/new/graft.db from nothing."
    newest = ended.removeprefix("The database has the newest schema, ").removesuffix(".")
    again = graft_command("migrate", GRAFT_DATA_DIR=str(tmp_path / "new"))
    assert f"from {newest}." in again.stdout
    back = graft_command("migrate", "--to", "0006", GRAFT_DATA_DIR=str(tmp_path / "new"))
    assert back.stdout.splitlines()[-1] == "The database has the schema 0006."
    for schema in ("0007", "9999"):  # one above, and none
        wrong = graft_command("migrate", "--to", schema, GRAFT_DATA_DIR=str(tmp_path / "new"))
        assert wrong.returncode == ExitCode.USAGE
    assert "0001, 0002" in wrong.stderr


def test_a_database_that_cannot_be_opened_is_an_error() -> None:
    url = f"postgresql://graft:secret@127.0.0.1:{find_free_port()}/graft"
    done = graft_command("migrate", GRAFT_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (ExitCode.FAILED, "")
    assert done.stderr.startswith("graft: The database cannot be opened")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize("graft", [SQLITE], indirect=True)
def test_a_second_service_on_the_same_folder_is_refused(graft: Graft) -> None:
    data_dir = str(graft.running.data_dir)
    port = str(find_free_port())
    second = graft_command("up", GRAFT_DATA_DIR=data_dir, GRAFT_PORT=port)
    assert second.returncode == ExitCode.FAILED
    assert f"graft: Process {graft.running.pid} on " in second.stderr
    assert graft.running.url in second.stderr
    assert data_dir in second.stderr
    assert graft.http.get("/livez").status_code == 200


def test_a_killed_service_leaves_no_lock(tmp_path: Path) -> None:
    settings = os.environ | {"GRAFT_DATA_DIR": str(tmp_path / "graft"), "GRAFT_PORT": "0"}
    command = [sys.executable, "-m", "app.cli", "up"]
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        while "Preparing" not in killed.stdout.readline():
            assert killed.poll() is None
        killed.kill()
    with running_graft(tmp_path) as running:
        assert running.pid != killed.pid


@pytest.mark.parametrize("graft", [SQLITE], indirect=True)
def test_the_doctor_finds_the_running_service(graft: Graft) -> None:
    data_dir = str(graft.running.data_dir)
    done = graft_command("doctor", "--json", GRAFT_DATA_DIR=data_dir)
    assert done.returncode == 0, done.stdout
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert found["port"]["found"].startswith(f"the service answers at {graft.running.url}")
    done = graft_command("doctor", GRAFT_DATA_DIR=data_dir, GRAFT_STORAGE_FLOOR_BYTES=str(10**18))
    assert done.returncode == 1
    assert "error    storage     The storage has " in done.stdout

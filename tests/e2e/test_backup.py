"""A backup that is taken while a job trains, and a service that goes on from it elsewhere."""

from pathlib import Path

import pytest

from tests.e2e.conftest import SHORT_LEASES, SQLITE, Graft
from tests.e2e.test_commands import graft_command
from tests.servers import running_graft, wait_until
from tests.uploads import make_zip

NUM_EPOCHS = 40


@pytest.mark.parametrize("graft", [SQLITE], indirect=True)
def test_a_job_that_trains_goes_on_from_its_backup_elsewhere(graft: Graft, tmp_path: Path) -> None:
    dataset = graft.upload(make_zip(num_train=4, num_val=2), "backed-up-in-training")
    graft.wait_for(f"/datasets/{dataset}", "status", "ready")
    job = graft.post_job(dataset_id=dataset, epochs=NUM_EPOCHS)
    wait_until(lambda: graft.get(f"/jobs/{job}")["progress"]["epoch"] >= 1, "the job", seconds=120)

    backup = tmp_path / "backup.tar"
    made = graft_command("backup", backup, GRAFT_DATA_DIR=str(graft.running.data_dir))
    assert made.returncode == 0, made.stderr
    assert "warning" not in made.stderr
    graft.wait_for(f"/jobs/{job}", "status", "succeeded")
    checked = graft_command("restore", "--check", backup)
    assert "is intact" in checked.stdout
    new_folder = {"GRAFT_DATA_DIR": str(tmp_path / "new" / "graft")}
    restored = graft_command("restore", backup, **new_folder)
    assert restored.returncode == 0, restored.stderr
    again = graft_command("restore", backup, **new_folder)
    assert again.returncode == 1
    assert "already has rows" in again.stderr

    with running_graft(tmp_path / "new", **SHORT_LEASES) as running:
        copy = Graft(running)
        assert copy.get(f"/datasets/{dataset}") == graft.get(f"/datasets/{dataset}")
        copy.wait_for(f"/jobs/{job}", "status", "succeeded")
        history = copy.get(f"/jobs/{job}/history")["data"]
        assert [row["epoch"] for row in history] == list(range(1, NUM_EPOCHS + 1))
        copy.http.close()

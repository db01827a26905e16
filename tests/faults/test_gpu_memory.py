"""A GPU whose memory runs out, in a real child: CUDA's error is raised by the model's first layer.

No test machine needs a GPU for it. Everything after the error is the code that runs on one.
"""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.db.session import Database
from app.db.tables import Job
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from tests.datasets import add_dataset
from tests.faults.figures import Figures
from tests.unit.training.conftest import CLASS_NAMES, store_pictures
from tests.unit.worker.attempts import begin_job
from worker.child import Command
from worker.supervisor import supervise

SMALL_GPU = """
import torch
from torch import nn

forward = nn.Conv2d.forward


def forward_if_it_fits(layer, images):
    if layer.training and len(images) > 3:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return forward(layer, images)


nn.Conv2d.forward = forward_if_it_fits

from worker.training.__main__ import main

main()
"""


@pytest.fixture
def small_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a package like worker.training, on a device with room for three images."""
    name = f"small_gpu_{uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(SMALL_GPU)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(("num_images", "fitting"), [(18, 3), (19, 2)])
def test_a_full_gpu_names_a_batch_size_that_fits_and_the_next_job_runs(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    small_gpu: str,
    num_images: int,
    fitting: int,
) -> None:
    """Of 19 images in batches of 3 one is left over, and makes the last batch one of 4."""
    run_on_a_small_gpu(database, storage, settings, small_gpu, num_images, fitting)


@pytest.mark.faults
def test_the_next_job_runs_after_a_full_gpu(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    small_gpu: str,
    figures: Figures,
) -> None:
    run_on_a_small_gpu(database, storage, settings, small_gpu)
    figures.record(
        "15",
        done="torch.cuda.OutOfMemoryError raised inside a real child; then a job with the batch "
        "size that the error names",
        figure="next job succeeded: 1 of 1",
    )


def run_on_a_small_gpu(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    small_gpu: str,
    num_images: int = 18,
    fitting: int = 3,
) -> None:
    dataset_id = add_dataset(
        database,
        class_names=CLASS_NAMES,
        digest="0" * 64,
        manifest_key=store_pictures(storage, num_images, 8),
    )
    fields: dict[str, Any] = {
        "dataset_id": dataset_id,
        "architecture": "squeezenet1_0",
        "weights": "none",
    }
    fields |= {"epochs": 1, "input_size": 32, "num_threads": 1}

    def run(batch_size: int, module: str) -> Job:
        command, recorder = begin_job(
            database, storage, settings, JobRequest(**fields, batch_size=batch_size)
        )
        supervise(Command(module, command.configuration), recorder, threading.Event(), settings)
        with database.reading() as session:
            return session.get_one(Job, recorder.lease.subject_id)

    failed = run(8, small_gpu)
    assert (failed.status, failed.error_code) == ("failed", "GPU_OUT_OF_MEMORY")
    assert f"one of {fitting} does" in str(failed.error_message)
    again = run(fitting, small_gpu)
    assert (again.status, again.error_message) == ("succeeded", None)

"""The time of a job, estimated from earlier jobs, on both databases."""

import pytest
from sqlalchemy import insert, update

from app.db.session import Database
from app.db.tables import Epoch, Job
from app.jobs.repository import JobRepository
from tests.many_rows import add_jobs

CONFIG = {"architecture": "resnet18", "strategy": "scratch", "input_size": 64}


def add_epochs(database: Database, job: int, rates: list[float], **config: object) -> None:
    job_id = f"job_{job:024d}"
    metrics = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds")
    rows = [
        {"job_id": job_id, "epoch": number, "images_per_second": rate} | dict.fromkeys(metrics, 1.0)
        for number, rate in enumerate(rates, 1)
    ]
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(config=CONFIG | config))
        session.execute(insert(Epoch), rows)


def estimate(database: Database) -> float | None:
    with database.reading() as session:
        return JobRepository(session).mean_epoch_seconds_per_image("resnet18", "scratch", 64)


def test_the_mean_of_similar_jobs_that_succeeded_counts(either_database: Database) -> None:
    add_jobs(either_database, 10)  # in fives: three succeeded, then one failed, one cancelled
    assert estimate(either_database) is None
    add_epochs(either_database, 0, [10.0, 0.0, 2.0])
    add_epochs(either_database, 1, [5.0])
    add_epochs(either_database, 2, [1000.0], input_size=224)
    add_epochs(either_database, 3, [1000.0])
    add_epochs(either_database, 5, [1000.0], strategy="fine_tune")
    assert estimate(either_database) == pytest.approx((0.1 + 0.5 + 0.2) / 3)


def test_only_the_first_epochs_of_the_newest_jobs_count(either_database: Database) -> None:
    add_jobs(either_database, 100)
    for job in range(0, 100, 5):
        add_epochs(either_database, job + 1, [10.0] * 20 + [1000.0] * 5)
        add_epochs(either_database, job, [1000.0])
    # Of 40 similar jobs the newest 20 are read: ten with twenty epochs at 10, ten with one at 1000.
    expected = (10 * 20 * 0.1 + 10 * 0.001) / 210
    assert estimate(either_database) == pytest.approx(expected)

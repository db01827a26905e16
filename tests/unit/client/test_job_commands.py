"""Commands that create, list, watch, draw and control jobs and studies."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from app.reports.schemas import JobReportView
from graft_client.console.exit_codes import ExitCode
from tests.answers import DRY_RUN
from tests.reports import make_report
from tests.unit.client.answers import EPOCH, as_json, dataset, event, job, page, stream, study
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.running import error_line, read_json, run, sent, service_state, succeed

QUEUED = job(status="queued", model=None, best=None, is_terminal=False)


@pytest.fixture
def pets(service: Service) -> Service:
    """A service with a dataset, and a job that succeeds."""
    service.answer("GET", "/datasets", page(dataset()))
    service.answer("GET", "/service", service_state())
    service.answer("POST", "/jobs", as_json(QUEUED, 202))
    service.answer("GET", "/jobs", page(job()))
    service.answer("GET", "/jobs/job_1", as_json(job()))
    service.answer("GET", "/jobs/job_1/events/stream", stream(event(1) + event(2)))
    report = make_report()
    view = JobReportView(job_id="job_1", **report.model_dump(exclude={"split"}))
    service.answer("GET", "/jobs/job_1/report", Answer(view.model_dump_json().encode()))
    return service


def test_options_and_set_make_the_request(pets: Service) -> None:
    text = succeed(
        pets, "train", "pets", "--strategy", "scratch", "--epochs", "2", "--learning-rate", "0.1",
        "--set", "early_stopping=null", "--set", "optimizer.name=sgd",
        "--set", "trainable_from=layer4",
        "--set", 'mixing={"name": "mixup", "alpha": 0.2}', "--set", "metadata.team=5b",
    )  # fmt: skip
    assert sent(pets) == {
        "dataset_id": "ds_1",
        "strategy": "scratch",
        "epochs": 2,
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "early_stopping": None,
        "trainable_from": "layer4",
        "mixing": {"name": "mixup", "alpha": 0.2},
        "metadata": {"team": "5b"},
    }
    assert "graft job watch job_1" in text


def test_a_training_is_watched(pets: Service) -> None:
    done = run(pets, "train", "ds_1", "--watch")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stderr.splitlines()]
    assert [row[0] for row in rows if row[0].isdecimal()] == ["1", "2"]
    assert "0.750*" in done.stderr
    assert "graft predict photo.jpg --model pets:3" in done.stdout
    assert "Accuracy" in done.stdout


def test_a_watched_job_that_fails_fails_the_command(pets: Service) -> None:
    failed = job(status="failed", model=None, error={"code": "DIVERGED", "message": "nan"})
    pets.answer("GET", "/jobs/job_1", as_json(failed))
    done = run(pets, "job", "watch", "job_1")
    assert (done.exit_code, done.stdout) == (ExitCode.FAILED, "")
    assert done.stderr.endswith("graft: DIVERGED: job_1: nan\n")


def test_progress_and_json_do_not_mix(pets: Service) -> None:
    assert read_json(pets, "job", "watch", "last")["model"] == {"name": "pets", "version": 3}


def test_a_dry_run_says_what_the_job_would_need(pets: Service) -> None:
    answer: dict[str, Any] = {
        "is_valid": True,
        "config": {"strategy": "scratch", "architecture": "resnet18"},
        "num_parameters": 1000,
        "num_trainable_parameters": 10,
        "memory": None,
        "estimated_seconds": 90,
        "measured": DRY_RUN,
        "problems": [],
    }
    pets.answer("POST", "/jobs/validate", as_json(answer))
    assert "about 1 min 30 s" in succeed(pets, "train", "pets", "--dry-run")
    problems = [{"code": "VALIDATION", "message": "no such layer", "loc": None, "allowed": None}]
    refused = answer | {"is_valid": False, "problems": problems}
    pets.answer("POST", "/jobs/validate", as_json(refused))
    done = run(pets, "train", "pets", "--dry-run")
    assert done.exit_code == ExitCode.REFUSED
    assert "VALIDATION: no such layer" in done.stdout


def test_jobs_are_listed_by_filters(pets: Service) -> None:
    text = succeed(
        pets, "jobs", "--status", "queued", "--status", "running", "--dataset", "pets",
        "--metadata", "team=a",
    )  # fmt: skip
    assert text.splitlines()[1].split()[:3] == ["job_1", "pets:3", "succeeded"]
    query = pets.received[-1].query
    for part in ("status=queued&status=running", "dataset_id=ds_1", "metadata.team=a"):
        assert part in query


def test_a_job_is_found_by_a_beginning_or_its_model(pets: Service) -> None:
    pets.answer("GET", "/jobs", page(job(id="job_12"), job(id="job_13")))
    assert read_json(pets, "job", "show", "job_13")["id"] == "job_13"
    assert read_json(pets, "job", "show", "pets")["id"] == "job_12"
    message = error_line(run(pets, "job", "show", "job_1"), ExitCode.REFUSED)
    assert "Several ids begin with 'job_1', such as job_12, job_13" in message
    pets.answer("GET", "/jobs", page())
    assert "no job 'x'" in error_line(run(pets, "job", "show", "x"), ExitCode.REFUSED)
    assert "no job yet" in error_line(run(pets, "job", "show", "last"), ExitCode.REFUSED)


def test_a_job_that_succeeded_is_shown_with_its_report(pets: Service) -> None:
    text = succeed(pets, "job", "show", "job_1")
    assert "val accuracy 0.900 in epoch 2" in text
    assert "recall" in text


def history(*epochs: dict[str, Any]) -> Answer:
    return as_json({"job_id": "job_1", "data": epochs, "num_epochs": len(epochs)})


def test_the_history_is_a_table_csv_or_json(pets: Service) -> None:
    rows = (EPOCH, EPOCH | {"epoch": 2, "is_best": False})
    pets.answer("GET", "/jobs/job_1/history", history(*rows))
    assert "0.750*" in succeed(pets, "job", "history", "last")
    assert read_json(pets, "job", "history", "last") == list(rows)
    table = list(csv.DictReader(io.StringIO(succeed(pets, "job", "history", "last", "--csv"))))
    assert [row["epoch"] for row in table] == ["1", "2"]


def test_the_curves_are_drawn(pets: Service) -> None:
    better = {"epoch": 2, "val_accuracy": 1.0, "val_loss": 0.1}
    pets.answer("GET", "/jobs/job_1/history", history(EPOCH, EPOCH | better))
    text = succeed(pets, "job", "plot", "last")
    assert "accuracy" in text
    assert any(0x2800 < ord(one) <= 0x28FF for one in text)
    pets.answer("GET", "/jobs", page(job(), job(id="job_2")))
    pets.answer("GET", "/jobs/job_2/history", history(EPOCH, EPOCH | better))
    compared = succeed(pets, "job", "plot", "last", "job_2")
    assert "job_1" in compared
    assert "job_2" in compared


@pytest.mark.parametrize("verb", ["stop", "cancel", "resume"])
def test_a_job_is_controlled(pets: Service, verb: str) -> None:
    pets.answer("POST", f"/jobs/job_1/{verb}", as_json(job(status="cancelling")))
    assert "cancelling" in succeed(pets, "job", verb, "last")


def test_a_job_is_deleted(pets: Service) -> None:
    pets.answer("DELETE", "/jobs/job_1", Answer(b"", 204))
    assert run(pets, "job", "delete", "last").exit_code == ExitCode.USAGE
    assert succeed(pets, "job", "delete", "last", "-y") == "Deleted job_1.\n"


RANKED = {
    "rank": 1,
    "trial": 0,
    "name": "pretrained",
    "changes": {},
    "best_val_accuracy": {"mean": 0.9, "interval": None, "num_runs": 1},
    "last_val_accuracy": None,
    "is_tied_with_best": True,
    "runs": [],
}


def test_a_study_is_created_from_a_file(pets: Service, tmp_path: Path) -> None:
    file = tmp_path / "grid.json"
    file.write_text(json.dumps({"seeds": 2, "base": {"epochs": 1}}))
    pets.answer("POST", "/studies", as_json(study(ranking=[RANKED]), 202))
    text = succeed(pets, "study", str(file), "--dataset", "pets")
    assert sent(pets) == {"seeds": 2, "base": {"epochs": 1}, "dataset_id": "ds_1"}
    assert "pretrained" in text
    missing = error_line(run(pets, "study", str(file)), ExitCode.USAGE)
    assert "`dataset_id` in the file" in missing
    file.write_text("[]")
    assert "no JSON object" in error_line(run(pets, "study", str(file)), ExitCode.USAGE)
    file.write_text("{")
    assert "is not JSON" in error_line(run(pets, "study", str(file)), ExitCode.USAGE)


def test_a_study_is_shown_and_waited_for(pets: Service) -> None:
    listed = study()
    del listed["ranking"]
    pets.answer("GET", "/studies", page(listed))
    finished = study(status="finished", is_terminal=True, ranking=[RANKED])
    pets.answer("GET", "/studies/study_1", as_json(study()), as_json(finished))
    assert read_json(pets, "study", "pets", "--watch")["status"] == "finished"
    assert "study_1" in succeed(pets, "studies")

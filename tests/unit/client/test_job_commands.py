"""Commands that create, list, watch, draw and control jobs and studies."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from app.advice.schemas import Proportion, ProportionDifference
from app.jobs.portfolio_schemas import FineTuning, FineTuningTrial, Portfolio, PortfolioCandidate
from app.reports.schemas import JobReportView
from graft_client.console.exit_codes import ExitCode
from graft_client.schemas.jobs import Resolved
from graft_client.schemas.studies import Search
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
    assert "Warning: The validation accuracy is far lower." in done.stdout


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


def make_trial(architecture: str, *, started_at_seconds: float, accuracy: float) -> FineTuningTrial:
    return FineTuningTrial(
        architecture=architecture,
        epochs=1,
        num_train_images=80,
        num_held_out_images=20,
        head_accuracy=0.9,
        accuracy=accuracy,
        gain=ProportionDifference(value=accuracy - 0.9, low=-0.1, high=0.2),
        started_at_seconds=started_at_seconds,
        used_seconds=6.0,
    )


def make_portfolio() -> dict[str, Any]:
    """A portfolio with a tried and a skipped candidate, and fine-tuning."""
    accuracy = {"value": 0.93, "low": 0.9, "high": 0.95}
    tried = PortfolioCandidate(
        architecture="squeezenet1_0",
        state="tried",
        reason="It was the first.",
        imagenet_accuracy=0.58,
        expected_accuracy=None,
        expected_seconds=6.0,
        started_at_seconds=0.5,
        used_seconds=7.25,
        accuracy=Proportion(**accuracy),
        l2_strength=0.1,
    )
    skipped = tried.model_copy(
        update={
            "architecture": "vgg11_bn",
            "state": "skipped",
            "reason": "It would need 500 s more.",
            "accuracy": None,
            "used_seconds": None,
        }
    )
    portfolio = Portfolio(
        job_id="job_1",
        time_budget_seconds=60,
        used_seconds=55.2,
        candidates=[tried, skipped],
        chosen="squeezenet1_0",
        trial=make_trial("squeezenet1_0", started_at_seconds=8.0, accuracy=0.94),
        other_trials=[make_trial("resnet18", started_at_seconds=14.0, accuracy=0.92)],
        fine_tuning=FineTuning(
            epochs=3,
            expected_seconds=30,
            expected_accuracy=Proportion(**accuracy),
            started_at_seconds=20,
            used_seconds=31.5,
            best_epoch=2,
            accuracy=Proportion(value=0.951, low=0.91, high=0.97),
        ),
        expected_accuracy=Proportion(value=0.937, low=0.911, high=0.958),
        stop_reason="budget_used",
        explanation="Fine-tuning filled the rest of the budget.",
    )
    values: dict[str, Any] = portfolio.model_dump(mode="json")
    return values


def test_a_time_budget_leaves_the_rest_to_the_job(pets: Service) -> None:
    succeed(pets, "train", "pets", "--time-budget", "60")
    assert sent(pets) == {
        "dataset_id": "ds_1",
        "architecture": "auto",
        "strategy": "auto",
        "time_budget_seconds": 60,
    }
    succeed(pets, "train", "pets", "--time-budget", "90", "--architecture", "resnet18")
    assert (sent(pets)["architecture"], sent(pets)["strategy"]) == ("resnet18", "auto")


def test_a_portfolio_is_shown_with_expected_and_actual_figures(pets: Service) -> None:
    pets.answer("GET", "/jobs/job_1/portfolio", as_json(make_portfolio()))
    text = succeed(pets, "job", "portfolio", "job_1")
    assert "55 of 60 s used" in text
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "0.930 (0.900-0.950)" in lines["squeezenet1_0*"]
    assert "7.2" in lines["squeezenet1_0*"]
    assert "It would need 500 s more." in " ".join(text.split())
    trials = [line.split() for line in text.splitlines() if line.startswith("trial of")]
    assert [line[2:5] for line in trials] == [
        ["squeezenet1_0,", "1", "epoch"],
        ["resnet18,", "1", "epoch"],
    ]
    assert [line[-3:] for line in trials] == [
        ["0.940", "head", "0.900"],
        ["0.920", "head", "0.900"],
    ]
    assert "best epoch 2" in lines["fine-tuning,"]
    assert "filled the rest of the budget." in text
    assert "Expected accuracy of the model: 0.937 (0.911-0.958)" in text
    assert read_json(pets, "job", "portfolio", "job_1")["chosen"] == "squeezenet1_0"


def test_a_job_with_a_budget_is_shown_as_it_was_decided(pets: Service) -> None:
    config = job()["config"] | {"architecture": "auto", "time_budget_seconds": 60.0}
    decided = config | {"architecture": "squeezenet1_0", "epochs": 3}
    resolved = dict.fromkeys(Resolved.model_fields) | {"config": decided}
    shown = job(config=config, resolved=resolved)
    pets.answer("GET", "/jobs", page(shown))
    pets.answer("GET", "/jobs/job_1/portfolio", as_json(make_portfolio()))
    text = succeed(pets, "job", "show", "job_1")
    assert "squeezenet1_0" in next(line for line in text.splitlines() if line.startswith("recipe"))
    assert "1 min" in next(line for line in text.splitlines() if line.startswith("time budget"))
    assert "filled the rest of the budget." in text
    assert "Expected accuracy of the model: 0.937 (0.911-0.958)" in text


def test_a_dry_run_of_a_search_leaves_parameters_open(pets: Service) -> None:
    answer: dict[str, Any] = {
        "is_valid": True,
        "config": {"strategy": "auto", "architecture": "auto"},
        "num_parameters": None,
        "num_trainable_parameters": None,
        "memory": None,
        "estimated_seconds": 60,
        "measured": None,
        "problems": [],
    }
    pets.answer("POST", "/jobs/validate", as_json(answer))
    text = succeed(pets, "train", "pets", "--time-budget", "60", "--dry-run")
    assert "decided by the job" in text
    assert "about 1 min" in text


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
    assert "val accuracy 0.900 (balanced 0.850) in epoch 2" in text
    assert "recall" in text


@pytest.mark.parametrize(
    ("engine", "line"),
    [("openvino", "cpu, fp32, frozen layers in OpenVINO"), ("torch", "cpu, fp32")],
)
def test_a_job_shows_what_it_ran_on(pets: Service, engine: str, line: str) -> None:
    ran_on = {"device": "cpu", "precision": "fp32", "frozen_engine": engine}
    pets.answer("GET", "/jobs", page(job(resolved=dict.fromkeys(Resolved.model_fields) | ran_on)))
    device = next(
        one
        for one in succeed(pets, "job", "show", "job_1").splitlines()
        if one.startswith("device")
    )
    assert device.removeprefix("device").strip() == line


def history(*epochs: dict[str, Any]) -> Answer:
    return as_json({"job_id": "job_1", "data": epochs, "num_epochs": len(epochs)})


def test_the_history_is_a_table_csv_or_json(pets: Service) -> None:
    rows = (EPOCH, EPOCH | {"epoch": 2, "is_best": False})
    pets.answer("GET", "/jobs/job_1/history", history(*rows))
    lines = succeed(pets, "job", "history", "last").splitlines()
    assert lines[1].split()[4:6] == ["0.750*", "0.700"]
    assert read_json(pets, "job", "history", "last") == list(rows)
    table = list(csv.DictReader(io.StringIO(succeed(pets, "job", "history", "last", "--csv"))))
    assert [row["epoch"] for row in table] == ["1", "2"]


def test_a_row_of_an_earlier_service_has_no_balanced_accuracy(pets: Service) -> None:
    old = {name: value for name, value in EPOCH.items() if name != "val_balanced_accuracy"}
    best = {"epoch": 2, "val_accuracy": 0.9, "val_loss": 0.2}
    pets.answer("GET", "/jobs", page(job(best=best)))
    pets.answer("GET", "/jobs/job_1/history", history(old))
    lines = succeed(pets, "job", "history", "last").splitlines()
    assert lines[1].split()[4:6] == ["0.750*", "-"]
    assert read_json(pets, "job", "history", "last")[0]["val_balanced_accuracy"] is None
    assert "val accuracy 0.900 in epoch 2" in succeed(pets, "job", "show", "job_1")


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
    "origin": None,
    "bracket": None,
    "problem": None,
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
    del listed["ranking"], listed["best_so_far"]
    pets.answer("GET", "/studies", page(listed))
    finished = study(status="finished", is_terminal=True, ranking=[RANKED])
    pets.answer("GET", "/studies/study_1", as_json(study()), as_json(finished))
    assert read_json(pets, "study", "pets", "--watch")["status"] == "finished"
    assert "study_1" in succeed(pets, "studies")


def test_a_search_that_has_ended_shows_what_mattered(pets: Service) -> None:
    search = dict.fromkeys(Search.model_fields) | {
        "method": "random",
        "space": {"batch_size": [4, 8]},
        "seed": 0,
        "min_epochs": 1,
        "reduction_factor": 3,
    }
    ended = study(status="finished", is_terminal=True, ranking=[RANKED], search=search)
    pets.answer("GET", "/studies", page(ended))
    pets.answer("GET", "/studies/study_1", as_json(ended))
    found = [{"field": "batch_size", "importance": 0.75}]
    pets.answer("GET", "/studies/study_1/importance", as_json({"data": found}))
    text = succeed(pets, "study", "pets")
    assert "0.750" in next(line for line in text.splitlines() if line.startswith("batch_size"))

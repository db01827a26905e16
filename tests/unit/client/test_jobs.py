"""Jobs with the Python client."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.reports.schemas import JobReportView
from app.validation.schemas import Validation
from graft_client import ApiError, Graft, Job, OutcomeError
from graft_client.synchronous.versions import RegisteredVersion
from tests.answers import DRY_RUN
from tests.reports import make_report, suspect
from tests.unit.client.answers import (
    EPOCH,
    NOW,
    PREDICTION,
    as_json,
    event,
    job,
    later,
    page,
    problem,
    stream,
)
from tests.unit.client.conftest import Answer, Service

EVENTS = "/jobs/job_1/events/stream"


@pytest.fixture
def pets(graft: Graft) -> Job:
    return Job.read(graft.connection, job())


def sent(service: Service) -> Any:
    return json.loads(service.received[-1].body)


def test_a_job_is_posted_with_the_fields_given(graft: Graft, service: Service) -> None:
    service.answer("POST", "/jobs", as_json(job(status="queued", model=None), 202))
    created = graft.train("ds_1", epochs=2, weights="none", early_stopping=None)
    assert created.status == "queued"
    assert sent(service) == {
        "dataset_id": "ds_1",
        "epochs": 2,
        "weights": "none",
        "early_stopping": None,
    }
    assert len(service.received[0].headers["Idempotency-Key"]) == 32
    created.clone(model_name="again")
    assert sent(service) == {"clone_of": "job_1", "model_name": "again"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "failed", "error": {"code": "DIVERGED", "message": "nan"}}, "DIVERGED"),
        ({"status": "cancelled"}, "CANCELLED"),
    ],
)
def test_waiting_for_a_job_without_a_model_is_an_error(
    changes: dict[str, Any], code: str, pets: Job, service: Service
) -> None:
    service.answer("GET", EVENTS, stream())
    service.answer("GET", "/jobs/job_1", as_json(job(model=None, **changes)))
    with pytest.raises(OutcomeError) as raised:
        pets.wait()
    assert (raised.value.code, pets.status) == (code, changes["status"])


def test_waiting_for_a_job_gives_it_a_model_that_can_predict(
    graft: Graft, service: Service
) -> None:
    queued = Job.read(graft.connection, job(status="queued", model=None))
    service.answer("GET", EVENTS, stream(event(1)))
    service.answer("GET", "/jobs/job_1", as_json(job()))
    assert queued.wait().model is queued.model
    assert isinstance(queued.model, RegisteredVersion)
    assert queued.model.reference == "pets:3"
    service.answer("POST", "/predict", as_json(PREDICTION))
    assert queued.model.predict(b"an image").label == "cats"
    assert service.received[-1].query == "model=pets%3A3"


def test_history_is_read_as_epochs(pets: Job, service: Service) -> None:
    answer = {"job_id": "job_1", "data": [EPOCH], "num_epochs": 500}
    service.answer("GET", "/jobs/job_1/history", as_json(answer))
    history = pets.history(points=2)
    assert service.received[0].query == "points=2"
    assert (history[0].epoch, history[0].val_accuracy, history[0].learning_rate) == (1, 0.75, None)
    assert (len(history), history.num_epochs, history.best) == (1, 500, history[0])


def test_curves_of_several_jobs_are_a_picture(pets: Job, service: Service, tmp_path: Path) -> None:
    service.answer("GET", "/jobs/job_1/history.png", Answer(b"PNG", content_type="image/png"))
    picture = pets.curves(compare=["job_2", pets])
    assert service.received[0].query == "compare=job_2&compare=job_1"
    assert picture.save(tmp_path / "curves.png").read_bytes() == b"PNG"
    service.answer(
        "GET", "/jobs/job_1/confusion_matrix.png", Answer(b"M", content_type="image/png")
    )
    assert pets.confusion_matrix(split="test").data == b"M"
    assert service.received[-1].query == "split=test"


def test_a_report_is_read_as_the_service_writes_it(pets: Job, service: Service) -> None:
    written = JobReportView(**dict(make_report(suspects=[suspect(3)])), job_id="job_1")
    service.answer("GET", "/jobs/job_1/report", as_json(written.model_dump(mode="json")))
    report = pets.report()
    assert (report.accuracy, report.accuracy_interval) == (0.75, (0.3, 0.95))
    assert report.confusion_matrix == [[1, 1], [0, 2]]
    assert report.per_class[0].recall == 0.5
    assert (report.mistakes[0].label, report.calibration.temperature) == ("ants", 1.2)
    assert report.cross_validation is not None
    assert report.cross_validation.accuracy_interval == (0.85, 0.95)
    assert report.label_check.suspects is not None
    assert report.label_check.suspects[0].suggested_label == "bees"


def test_predictions_and_paired_tests_are_read(pets: Job, service: Service) -> None:
    row = {
        "image_id": 4,
        "path": "val/cats/4.jpg",
        "label": "cats",
        "predicted": "dogs",
        "probability": 0.8,
        "probability_of_label": 0.2,
        "thumbnail_url": None,
    }
    service.answer("GET", "/jobs/job_1/predictions", page(row))
    (prediction,) = pets.predictions(label="cats", predicted="dogs", is_correct=False)
    assert prediction.probability_of_label == 0.2
    expected = "limit=100&split=val&label=cats&predicted=dogs&is_correct=false"
    assert service.received[-1].query == expected
    compared = dict.fromkeys(
        ("num_images", "both_right", "only_this_right", "only_other_right", "both_wrong"), 1
    ) | {"accuracy": 0.8, "other_accuracy": 0.6, "difference": 0.2, "p_value": 0.5}
    answer = as_json(compared | {"difference_interval": [-0.1, 0.4]})
    service.answer("GET", "/jobs/job_1/paired_test", answer)
    assert pets.paired_test("job_2").difference_interval == (-0.1, 0.4)
    assert service.received[-1].query == "with=job_2&split=val"
    other = {
        "image_id": 4,
        "path": "val/cats/4.jpg",
        "label": "cats",
        "outcome": "only_this_right",
        "predicted": "cats",
        "probability": 0.8,
        "other_predicted": "dogs",
        "other_probability": 0.6,
        "thumbnail_url": None,
    }
    service.answer("GET", "/jobs/job_1/paired_test/images", page(other))
    (disagreement,) = pets.disagreements("job_2", outcome="only_this_right")
    assert disagreement.other_predicted == "dogs"


@pytest.mark.parametrize("verb", ["stop", "cancel", "resume"])
def test_verbs_change_the_job(verb: str, pets: Job, service: Service) -> None:
    service.answer("POST", f"/jobs/job_1/{verb}", as_json(job(status="cancelling"), 202))
    assert getattr(pets, verb)() is pets
    assert pets.status == "cancelling"


def test_a_verb_is_not_repeated_because_it_would_be_refused(pets: Job, service: Service) -> None:
    service.answer("POST", "/jobs/job_1/cancel", problem(503, "UNAVAILABLE", "restarting"))
    with pytest.raises(ApiError, match="restarting"):
        pets.cancel()
    assert len(service.received) == 1


def test_jobs_are_got_listed_and_deleted(graft: Graft, service: Service) -> None:
    service.answer("GET", "/jobs/job_1", as_json(job()))
    service.answer("GET", "/jobs", page(job()))
    service.answer("DELETE", "/jobs/job_1", Answer(b"", 204))
    found = graft.jobs.get("job_1")
    listed = graft.jobs.list(status=["failed", "cancelled"], dataset="ds_1", metadata={"a": "b"})
    assert listed.first() == found
    assert len({found, graft.jobs.get("job_1")}) == 1
    assert found != Job.read(graft.connection, job(status="failed"))
    service.received.pop()
    query = service.received[-1].query
    assert query == "limit=1&status=failed&status=cancelled&dataset_id=ds_1&metadata.a=b"
    found.delete()


def test_events_and_checkpoints_are_listed(pets: Job, service: Service) -> None:
    row = {"event_number": 1, "type": "queued", "payload": {}, "created_at": NOW}
    service.answer("GET", "/jobs/job_1/events", page(row))
    assert [one.type for one in pets.events()] == ["queued"]
    stored = {"kind": "best", "epoch": 2, "num_bytes": 10}
    service.answer("GET", "/jobs/job_1/checkpoints", as_json({"job_id": "job_1", "data": [stored]}))
    assert pets.checkpoints()[0].kind == "best"


def test_a_dry_run_is_polled_at_its_location(graft: Graft, service: Service) -> None:
    known: dict[str, object] = {
        "is_valid": True,
        "config": None,
        "num_parameters": 10,
        "num_trainable_parameters": 2,
        "memory": None,
        "estimated_seconds": None,
        "measured": DRY_RUN,
        "problems": [],
    }
    answer = Validation.model_validate(known).model_dump(mode="json")
    service.answer("POST", "/jobs/validate", later("/jobs/validate/inq_1"))
    service.answer("GET", "/jobs/validate/inq_1", later("/jobs/validate/inq_1"), as_json(answer))
    validation = graft.jobs.validate("ds_1", strategy="fine_tune")
    assert validation.measured is not None
    assert validation.measured.fitting_batch_size == 8
    assert json.loads(service.received[0].body) == {"dataset_id": "ds_1", "strategy": "fine_tune"}
    assert [received.method for received in service.received] == ["POST", "GET", "GET"]

import json
from pathlib import Path
from typing import Any

import pytest

from app.reports.schemas import JobReportView
from graft_client.errors import ApiError, OutcomeError
from graft_client.graft import Graft
from tests.reports import make_report, suspect
from tests.unit.client.conftest import Answer, Service


def dataset(**changes: Any) -> dict[str, Any]:
    return {
        "id": "ds_1",
        "name": "pets",
        "status": "ready",
        "error": None,
        "class_names": ["cats", "dogs"],
        "splits": {"train": {"num_images": 3, "per_class": {"cats": 1, "dogs": 2}}},
        "report": {"ignored": []},
        "digest": "ab",
        "a_later_field": 1,
    } | changes


def job(**changes: Any) -> dict[str, Any]:
    return {
        "id": "job_1",
        "status": "succeeded",
        "is_terminal": True,
        "dataset_id": "ds_1",
        "config": {"epochs": 2},
        "attempts": 1,
        "progress": {"epoch": 2, "epochs": 2, "step": 3, "steps": 3},
        "best": {"epoch": 2, "val_accuracy": 0.9, "val_loss": 0.2},
        "error": None,
        "model": {"name": "pets", "version": 3},
        "created_at": "2026-01-01T00:00:00.000Z",
        "started_at": "2026-01-01T00:00:01.000Z",
        "finished_at": None,
    } | changes


def as_json(body: object, status: int = 200) -> Answer:
    return Answer(json.dumps(body).encode(), status)


def test_upload_sends_a_form_with_the_file(graft: Graft, service: Service, tmp_path: Path) -> None:
    archive = tmp_path / "pets.zip"
    archive.write_bytes(b"PK-of-sorts")
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    uploaded = graft.upload_dataset(archive, name="pets", val_fraction=0.25)
    assert uploaded.status == "ingesting"
    body = service.received[0].body
    assert b'name="file"; filename="pets.zip"' in body
    assert b"PK-of-sorts" in body
    assert b'name="val_fraction"\r\n\r\n0.25\r\n' in body
    assert b'name="name"\r\n\r\npets\r\n' in body


def test_waiting_for_a_dataset_ends_when_it_is_ready(graft: Graft, service: Service) -> None:
    service.answer(
        "GET", "/datasets/ds_1", as_json(dataset(status="ingesting")), as_json(dataset())
    )
    assert graft.wait_for_dataset("ds_1").splits["train"].per_class == {"cats": 1, "dogs": 2}
    assert len(service.received) == 2


def test_an_invalid_dataset_is_an_error_with_its_code(graft: Graft, service: Service) -> None:
    reason = {"code": "DATASET_LAYOUT", "message": "one class only"}
    service.answer("GET", "/datasets/ds_1", as_json(dataset(status="invalid", error=reason)))
    with pytest.raises(OutcomeError) as raised:
        graft.wait_for_dataset("ds_1")
    assert raised.value.code == "DATASET_LAYOUT"
    assert raised.value.subject_id == "ds_1"
    assert "one class only" in raised.value.detail


def test_a_problem_becomes_an_error_with_code_detail_and_status(
    graft: Graft, service: Service
) -> None:
    problem = {"code": "WEIGHTS_UNAVAILABLE", "detail": "put them there", "status": 422}
    service.answer(
        "POST", "/jobs", Answer(json.dumps(problem).encode(), 422, "application/problem+json")
    )
    with pytest.raises(ApiError) as raised:
        graft.create_job("ds_1", architecture="vgg11_bn")
    assert (raised.value.code, raised.value.status) == ("WEIGHTS_UNAVAILABLE", 422)
    assert raised.value.detail == "put them there"


def test_an_answer_without_problem_details_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", "/jobs/job_1", Answer(b"Bad gateway", 502, "text/html"))
    with pytest.raises(ApiError) as raised:
        graft.get_job("job_1")
    assert (raised.value.code, raised.value.status) == ("HTTP_502", 502)


def test_a_job_is_posted_with_the_fields_given(graft: Graft, service: Service) -> None:
    service.answer("POST", "/jobs", as_json(job(status="queued", model=None), 202))
    created = graft.create_job("ds_1", epochs=2, weights="none")
    assert created.status == "queued"
    assert json.loads(service.received[0].body) == {
        "dataset_id": "ds_1",
        "epochs": 2,
        "weights": "none",
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "failed", "error": {"code": "DIVERGED", "message": "nan"}}, "DIVERGED"),
        ({"status": "cancelled"}, "CANCELLED"),
    ],
)
def test_waiting_for_a_job_without_a_model_is_an_error(
    changes: dict[str, Any], code: str, graft: Graft, service: Service
) -> None:
    service.answer(
        "GET", "/jobs/job_1/events/stream", Answer(b"", content_type="text/event-stream")
    )
    service.answer("GET", "/jobs/job_1", as_json(job(model=None, **changes)))
    with pytest.raises(OutcomeError) as raised:
        graft.wait_for_job("job_1")
    assert raised.value.code == code


def test_waiting_for_a_job_returns_its_model(graft: Graft, service: Service) -> None:
    service.answer(
        "GET", "/jobs/job_1/events/stream", Answer(b"", content_type="text/event-stream")
    )
    service.answer("GET", "/jobs/job_1", as_json(job()))
    model = graft.wait_for_job("job_1").model
    assert model is not None
    assert model.reference == "pets:3"


def test_history_is_read_as_epochs(graft: Graft, service: Service) -> None:
    row = {
        "epoch": 1,
        "train_loss": 0.7,
        "train_accuracy": 0.5,
        "val_loss": 0.6,
        "val_accuracy": 0.75,
        "learning_rate": None,
        "seconds": 2.0,
        "images_per_second": 10.0,
        "is_best": True,
    }
    service.answer("GET", "/jobs/job_1/history", as_json({"job_id": "job_1", "data": [row]}))
    (epoch,) = graft.list_epochs("job_1")
    assert (epoch.epoch, epoch.val_accuracy, epoch.learning_rate) == (1, 0.75, None)


def test_curves_of_several_jobs_are_saved(graft: Graft, service: Service, tmp_path: Path) -> None:
    service.answer("GET", "/jobs/job_1/history.png", Answer(b"PNG", content_type="image/png"))
    graft.save_curves("job_1", tmp_path / "curves.png", compare=["job_2", "job_3"])
    assert (tmp_path / "curves.png").read_bytes() == b"PNG"
    assert service.received[0].query == "compare=job_2&compare=job_3"


def test_a_report_is_read_as_the_service_writes_it(
    graft: Graft, service: Service, tmp_path: Path
) -> None:
    written = JobReportView(**dict(make_report(suspects=[suspect(3)])), job_id="job_1")
    service.answer("GET", "/jobs/job_1/report", as_json(written.model_dump(mode="json")))
    report = graft.get_report("job_1")
    assert (report.accuracy, report.accuracy_interval) == (0.75, (0.3, 0.95))
    assert report.confusion_matrix == [[1, 1], [0, 2]]
    assert report.per_class[0].recall == 0.5
    assert (report.mistakes[0].label, report.calibration.temperature) == ("ants", 1.2)
    assert report.label_check.suspects is not None
    assert report.label_check.suspects[0].suggested_label == "bees"

    image_answer = Answer(b"PNG", content_type="image/png")
    service.answer("GET", "/jobs/job_1/confusion_matrix.png", image_answer)
    graft.save_confusion_matrix("job_1", tmp_path / "matrix.png", split="test")
    assert (tmp_path / "matrix.png").read_bytes() == b"PNG"
    assert service.received[-1].query == "split=test"


def test_no_file_is_saved_after_an_error(graft: Graft, service: Service, tmp_path: Path) -> None:
    service.answer("GET", "/jobs/job_1/history.png", Answer(b"", 404, "text/plain"))
    with pytest.raises(ApiError):
        graft.save_curves("job_1", tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_predict_sends_the_image_and_reads_the_classes(
    graft: Graft, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"JPEG")
    service.answer(
        "POST",
        "/predict",
        as_json(
            {
                "model": {"name": "pets", "version": 3},
                "predictions": [{"label": "cats", "probability": 0.75}],
                "inference_ms": 4.5,
            }
        ),
    )
    answer = graft.predict(tmp_path / "cat.jpg", model="pets@champion", top_k=1)
    assert answer.predictions[0].label == "cats"
    assert answer.model.reference == "pets:3"
    assert service.received[0].query == "top_k=1&model=pets%40champion"
    assert b'name="image"; filename="cat.jpg"' in service.received[0].body


def test_a_model_is_chosen_for_predictions(graft: Graft, service: Service) -> None:
    chosen = {"model": "pets", "resolved": {"name": "pets", "version": 3}}
    service.answer("PUT", "/serving", as_json(chosen))
    assert graft.choose_model("pets").resolved.version == 3
    assert json.loads(service.received[0].body) == {"model": "pets"}


def test_a_study_is_posted_and_waited_for(graft: Graft, service: Service) -> None:
    study = {
        "id": "study_1",
        "name": "pets",
        "status": "running",
        "is_terminal": False,
        "dataset_id": "ds_1",
        "seeds": [0],
        "progress": {"runs": 1, "queued": 1},
        "ranking": [],
        "created_at": "2026-01-01T00:00:00.000Z",
        "finished_at": None,
    }
    score = {"mean": 0.9, "interval": None, "num_runs": 1}
    ranked = {
        "rank": 1,
        "trial": 1,
        "name": "only",
        "changes": {},
        "best_val_accuracy": score,
        "last_val_accuracy": score,
        "is_tied_with_best": True,
        "runs": [],
    }
    ended = study | {"status": "finished", "is_terminal": True, "ranking": [ranked]}
    service.answer("POST", "/studies", as_json(study, 202))
    service.answer("GET", "/studies/study_1", as_json(study), as_json(ended))
    posted = graft.create_study("ds_1", configurations=[{"name": "only"}])
    assert json.loads(service.received[0].body) == {
        "dataset_id": "ds_1",
        "configurations": [{"name": "only"}],
    }
    best = graft.wait_for_study(posted.id).ranking[0].best_val_accuracy
    assert best is not None
    assert best.mean == 0.9
    assert len(service.received) == 3

"""The report and confusion matrix of a finished job."""

import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.db.session import Database
from app.db.tables import JobReport
from app.ml.trust.figures import SplitFigures
from app.reports.confusion_chart import MAX_NAMED, draw_confusion_matrix, list_confusions
from tests.contract.trainer import Trainer
from tests.reports import FIGURES, make_report, suspect


def read_problem(client: TestClient, path: str) -> tuple[int, str]:
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_report_links_thumbnails(client: TestClient, trainer: Trainer, ready: str) -> None:
    job_id = trainer.train(ready, make_report())
    report = client.get(f"/jobs/{job_id}/report").json()
    assert (report["job_id"], report["accuracy"]) == (job_id, 0.75)
    assert report["confusion_matrix"] == [[1, 1], [0, 2]]
    (mistake,) = report["mistakes"]
    assert mistake["thumbnail_url"] == f"/datasets/{ready}/images/2?size=128"
    image = client.get(mistake["thumbnail_url"])
    assert max(Image.open(io.BytesIO(image.content)).size) == 128


def test_a_report_stays_without_thumbnails_when_its_dataset_is_deleted(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    job_id = trainer.train(ready, make_report())
    assert client.delete(f"/datasets/{ready}").status_code == 204
    (mistake,) = client.get(f"/jobs/{job_id}/report").json()["mistakes"]
    assert (mistake["image_id"], mistake["thumbnail_url"]) == (2, None)


def test_a_report_is_deleted_with_its_job(client: TestClient, trainer: Trainer, ready: str) -> None:
    job_id = trainer.train(ready, make_report())
    assert client.delete(f"/jobs/{job_id}").status_code == 204
    assert read_problem(client, f"/jobs/{job_id}/report") == (404, "NOT_FOUND")


@pytest.mark.parametrize("what", ["report", "confusion_matrix.png"])
def test_an_unfinished_job_has_no_report(
    client: TestClient, trainer: Trainer, ready: str, what: str
) -> None:
    job_id = trainer.post(ready)
    assert read_problem(client, f"/jobs/{job_id}/{what}") == (409, "REPORT_NOT_READY")
    assert read_problem(client, f"/jobs/job_unknown/{what}") == (404, "NOT_FOUND")


def test_a_job_that_ended_without_a_report_has_an_error(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    job_id = trainer.train(ready, None)
    answer = client.get(f"/jobs/{job_id}/report").json()
    assert (answer["code"], "before this service wrote reports" in answer["detail"]) == (
        "REPORT_NOT_READY",
        True,
    )


def test_a_report_of_an_older_version_has_nulls(
    client: TestClient, trainer: Trainer, ready: str, database: Database
) -> None:
    job_id = trainer.train(ready, make_report())
    with database.transaction() as session:
        row = session.get_one(JobReport, job_id)
        old = {name: value for name, value in row.report.items() if name != "coverage_curve"}
        old["per_class"] = [
            {name: value for name, value in one.items() if name != "recall_interval"}
            for one in old["per_class"]
        ]
        row.report = old
    report = client.get(f"/jobs/{job_id}/report").json()
    assert report["coverage_curve"] is None
    assert {one["recall_interval"] for one in report["per_class"]} == {None}


def test_label_errors_are_added_to_the_dataset(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    def get_dataset_report() -> dict[str, Any]:
        report: dict[str, Any] = client.get(f"/datasets/{ready}").json()["report"]
        return report

    before = get_dataset_report()
    assert (before["suspect_labels"], before["suspect_labels_job_id"]) == ([], None)
    first = trainer.train(ready, make_report(suspects=[suspect(3), suspect(4)]))
    report = get_dataset_report()
    assert [one["image_id"] for one in report["suspect_labels"]] == [3, 4]
    assert (report["suspect_labels_job_id"], report["counts"]["suspect_labels"]) == (first, 2)
    assert report["ignored"] == before["ignored"]

    trainer.train(ready, make_report(suspects=None))
    assert get_dataset_report() == report
    newest = trainer.train(ready, make_report(suspects=[]))
    report = get_dataset_report()
    assert (report["suspect_labels"], report["suspect_labels_job_id"]) == ([], newest)


def test_the_confusion_matrix_is_drawn_for_each_split(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    job_id = trainer.train(ready, make_report())
    path = f"/jobs/{job_id}/confusion_matrix.png"
    answer = client.get(path)
    assert answer.headers["content-type"] == "image/png"
    assert min(Image.open(io.BytesIO(answer.content)).size) > 300
    response = client.get(path, params={"split": "test"})
    assert (response.status_code, response.json()["errors"][0]["allowed"]) == (422, ["val"])

    job_id = trainer.train(ready, make_report(test=FIGURES))
    answer = client.get(f"/jobs/{job_id}/confusion_matrix.png", params={"split": "test"})
    assert answer.headers["content-type"] == "image/png"


def figures_of(matrix: list[list[int]]) -> SplitFigures:
    return FIGURES.model_copy(update={"confusion_matrix": matrix})


@pytest.mark.parametrize("num_classes", [2, 21, MAX_NAMED, MAX_NAMED + 1, 1000])
def test_any_number_of_classes_can_be_drawn(num_classes: int) -> None:
    matrix = np.eye(num_classes, dtype=int)
    names = [f"${number}^ and a rather long name of a class" for number in range(num_classes)]
    image = draw_confusion_matrix(figures_of(matrix.tolist()), names, title="$x: val")
    width, height = Image.open(io.BytesIO(image)).size
    assert 300 < width < 2000
    assert 300 < height < 2000


def test_confusions_are_listed_by_number_of_images() -> None:
    matrix = np.array([[9, 1, 0], [5, 9, 0], [0, 2, 9]])
    assert list_confusions(matrix, 2) == [(1, 0, 5), (2, 1, 2)]
    assert list_confusions(matrix, 9) == [(1, 0, 5), (2, 1, 2), (0, 1, 1)]
    assert list_confusions(np.eye(3, dtype=int), 9) == []

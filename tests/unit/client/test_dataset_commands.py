"""Commands that upload, list, show and delete datasets, and give advice."""

from pathlib import Path
from typing import Any

import pytest

from graft_client.console.exit_codes import ExitCode
from tests.answers import ADVICE
from tests.unit.client.answers import as_json, dataset, page
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.running import error_line, read_json, run, service_state, succeed


def with_findings() -> dict[str, Any]:
    content = dataset()
    content["report"] |= {
        "warnings": ["200 of 400 files were left out and are not in the dataset: 200 .heic."],
        "rejected": [{"path": "train/cats/broken.jpg", "reason": "it ends too early"}],
        "leaked": [["train/cats/1.jpg", "val/cats/1.jpg"]],
    }
    content["report"]["counts"] |= {"rejected": 1, "leaked": 1}
    return content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    (tmp_path / "pets" / "cats" / "1.jpg").write_bytes(b"an image")
    return tmp_path / "pets"


def test_a_folder_is_uploaded_and_its_findings_are_shown(service: Service, folder: Path) -> None:
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    service.answer("GET", "/service", service_state())
    service.answer("GET", "/datasets/ds_1", as_json(with_findings()))
    text = succeed(service, "upload", str(folder), "--name", "pets", "--metadata", "from=garden")
    assert "pets (ds_1) is ready: 3 images of 2 classes" in text
    assert text.index("Warning: 200 of 400 files were left out") < text.index(
        "pets (ds_1) is ready"
    )
    assert "unreadable images: 1" in text
    assert "train/cats/broken.jpg: it ends too early" in text
    assert "train/cats/1.jpg = val/cats/1.jpg" in text
    assert "graft train ds_1 --watch" in text
    body = service.received[0].body
    assert b"an image" in body
    assert b'{"from": "garden"}' in body


def test_without_waiting_the_upload_alone_is_made(service: Service, folder: Path) -> None:
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    assert read_json(service, "upload", str(folder), "--no-wait")["status"] == "ingesting"
    assert len(service.received) == 1


def test_an_invalid_dataset_fails_the_upload(service: Service, folder: Path) -> None:
    error = {"code": "DATASET_LAYOUT", "message": "it has one class"}
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    service.answer("GET", "/service", service_state())
    service.answer("GET", "/datasets/ds_1", as_json(dataset(status="invalid", error=error)))
    message = error_line(run(service, "upload", str(folder)), ExitCode.FAILED)
    assert message == "graft: DATASET_LAYOUT: ds_1: it has one class\n"


def test_a_missing_worker_is_told(service: Service, folder: Path) -> None:
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    service.answer("GET", "/service", service_state(num_workers=0))
    service.answer("GET", "/datasets/ds_1", as_json(dataset()))
    assert "graft worker --queue cpu" in run(service, "upload", str(folder)).stderr


def test_datasets_are_listed(service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset(), dataset(id="ds_0", name="[bold]old[/]")))
    text = succeed(service, "datasets", "-q", "pet", "--status", "ready", "--limit", "2")
    assert [line.split()[:2] for line in text.splitlines()[1:]] == [
        ["ds_1", "pets"],
        ["ds_0", "[bold]old[/]"],
    ]
    assert service.received[0].query == "limit=2&q=pet&status=ready"


def test_the_newest_dataset_of_a_name_is_found(service: Service) -> None:
    found = page(dataset(id="ds_9", name="pets-2"), dataset(id="ds_8"), dataset(id="ds_7"))
    service.answer("GET", "/datasets", found)
    assert read_json(service, "dataset", "show", "pets")["id"] == "ds_8"
    assert read_json(service, "dataset", "show", "ds_9")["id"] == "ds_9"
    assert read_json(service, "dataset", "show", "last")["id"] == "ds_9"


def test_an_unknown_dataset_is_refused_with_similar_names(service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset(name="pets-2")))
    message = error_line(run(service, "dataset", "show", "pets"), ExitCode.REFUSED)
    assert "There is no dataset 'pets'. Similar: 'pets-2'. `graft datasets`" in message


def test_names_cannot_control_the_terminal(service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset(name="a\x1b[31m")))
    assert "\x1b" not in succeed(service, "datasets")


def test_a_dataset_is_deleted_after_a_confirmation(service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset()))
    service.answer("DELETE", "/datasets/ds_1", Answer(b"", 204))
    message = error_line(run(service, "dataset", "delete", "pets"), ExitCode.USAGE)
    assert "Delete the dataset 'pets' (ds_1)? Give --yes to confirm." in message
    assert [one.method for one in service.received] == ["GET"]
    assert succeed(service, "dataset", "delete", "pets", "--yes") == "Deleted ds_1.\n"


def test_advice_names_the_command_that_follows_it(service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset()))
    service.answer("GET", "/datasets/ds_1/advice", as_json(ADVICE))
    text = succeed(service, "advice", "pets")
    assert f"graft train pets --strategy {ADVICE['strategy']}" in text
    assert read_json(service, "advice", "pets")["strategy"] == ADVICE["strategy"]

"""The commands that use a running service."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from graft_client.cli import app
from tests.servers import find_free_port
from tests.unit.client.answers import (
    ALIAS,
    CHAMPION,
    DONE,
    EVALUATION,
    VERSION,
    as_json,
    batch,
    later,
)
from tests.unit.client.conftest import Answer, Service


def run(service: Service, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--url", service.url])


def test_a_folder_is_predicted_and_its_results_are_saved(service: Service, tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "cat.jpg").write_bytes(b"an image")
    running = batch(status="running", progress={"stage": "predicting", "done": 1, "total": 2})
    service.answer("POST", "/predictions", as_json(batch(), 202))
    service.answer("GET", "/predictions/pred_1", as_json(running), as_json(running), as_json(DONE))
    service.answer("GET", "/predictions/pred_1/results", Answer(b"path\n", content_type="text/csv"))
    output = tmp_path / "results.csv"
    done = run(service, "predict-many", str(tmp_path / "pets"), "--output", str(output))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["images"] == 2
    assert output.read_bytes() == b"path\n"
    assert service.received[-1].query == "format=csv"


def test_a_dataset_is_predicted_by_its_id(service: Service, tmp_path: Path) -> None:
    service.answer("POST", "/predictions", as_json(batch(dataset_id="ds_1"), 202))
    service.answer("GET", "/predictions/pred_1", as_json(DONE))
    service.answer("GET", "/predictions/pred_1/results", Answer(b"{}\n"))
    output = str(tmp_path / "results.jsonl")
    done = run(service, "predict-many", "ds_1", "--split", "val", "--output", output)
    assert done.exit_code == 0, done.output
    sent = json.loads(service.received[0].body)
    assert sent == {"dataset_id": "ds_1", "split": "val", "top_k": 5}


def test_an_explanation_is_saved_as_an_image(service: Service, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"an image")
    answer = {
        "model": {"name": "pets", "version": 3},
        "predictions": [{"label": "cats", "probability": 0.75}],
        "explanation": {"label": "cats", "heatmap_png": "iVBORw=="},
        "inference_ms": 4.5,
    }
    service.answer("POST", "/predict", as_json(answer))
    heatmap = tmp_path / "seen.png"
    done = run(service, "predict", str(tmp_path / "cat.jpg"), "--explain", str(heatmap))
    assert json.loads(done.stdout)["predictions"][0]["label"] == "cats"
    assert heatmap.read_bytes() == b"\x89PNG"
    assert service.received[0].query == "explain=true&top_k=5"


def test_a_version_is_evaluated_promoted_and_rolled_back(service: Service) -> None:
    service.answer("POST", f"{VERSION}/evaluate", as_json(EVALUATION))
    assert '"accuracy": 0.9' in run(service, "evaluate", "pets", "3", "ds_1").stdout
    service.answer("PUT", CHAMPION, as_json(ALIAS))
    assert '"version": 3' in run(service, "promote", "pets", "3").stdout
    service.answer("POST", f"{CHAMPION}/rollback", as_json(ALIAS | {"version": 2}))
    assert '"version": 2' in run(service, "rollback", "pets").stdout


def test_an_export_is_downloaded(service: Service, tmp_path: Path) -> None:
    export = f"{VERSION}/export"
    archive = Answer(b"PK", content_type="application/zip")
    service.answer("GET", export, later(f"{export}?format=openvino"), archive)
    output = tmp_path / "pets.zip"
    done = run(service, "export", "pets", "3", str(output), "--format", "openvino")
    assert done.exit_code == 0, done.output
    assert output.read_bytes() == b"PK"


def test_an_error_of_the_service_ends_the_command_with_a_message(service: Service) -> None:
    body = b'{"code": "GATE_FAILED", "detail": "worse on cats"}'
    service.answer("PUT", CHAMPION, Answer(body, 409, "application/problem+json"))
    refused = run(service, "promote", "pets", "3")
    assert (refused.exit_code, refused.stderr) == (1, "graft: GATE_FAILED: worse on cats\n")
    missing = run(service, "predict", "nowhere.jpg")
    assert (missing.exit_code, missing.stderr) == (
        1,
        "graft: nowhere.jpg: No such file or directory.\n",
    )
    assert run(service, "predict-many", "nowhere", "--split", "val").exit_code == 2


def error_line(result: Result) -> str:
    """Return the single line of a command's error."""
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("graft: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_a_folder_is_not_an_image(service: Service, tmp_path: Path) -> None:
    message = error_line(run(service, "predict", str(tmp_path)))
    assert f"graft predict-many {tmp_path}" in message
    assert service.received == []


def test_a_service_that_is_down_is_an_error_that_says_what_to_do() -> None:
    url = f"http://127.0.0.1:{find_free_port()}"
    message = error_line(CliRunner().invoke(app, ["events", "pets", "--url", url]))
    assert f"Cannot connect to {url}" in message
    assert "graft up" in message


@pytest.mark.parametrize("url", ["localhost:8000", "graft", "http://x:port"])
def test_an_invalid_address_is_an_error(url: str) -> None:
    message = error_line(CliRunner().invoke(app, ["events", "pets", "--url", url]))
    assert f"--url is '{url}'" in message


@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_of_another_program_is_an_error(service: Service, status: int) -> None:
    page = Answer(b"<html>hello</html>", status, "text/html")
    service.answer("GET", "/models/pets/events", page)
    assert "<html>hello</html>" in error_line(run(service, "events", "pets"))


@pytest.mark.parametrize("body", [b"[]", b'{"data": [{"id": 1}]}', b'{"code": 1}'])
def test_json_of_another_program_is_an_error(service: Service, body: bytes) -> None:
    service.answer("GET", "/models/pets/events", Answer(body))
    assert service.url in error_line(run(service, "events", "pets"))

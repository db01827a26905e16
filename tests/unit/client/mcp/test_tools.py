"""The tools: what they accept, what they answer, and how they say that something is wrong."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from graft_client.mcp import waits
from tests.unit.client.answers import (
    ALIAS,
    CHAMPION,
    EPOCH,
    EVALUATION,
    PREDICTION,
    VERSION,
    as_json,
    dataset,
    job,
    later,
    page,
    problem,
)
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.mcp.conftest import Assistant
from tests.unit.client.mcp.test_confirmation import MODEL, VERSION_ANSWER

TRAINING = job(status="running", is_terminal=False, model=None)
PAIRED = {
    "num_images": 100,
    "both_right": 80,
    "only_this_right": 15,
    "only_other_right": 3,
    "both_wrong": 2,
    "accuracy": 0.95,
    "other_accuracy": 0.83,
    "difference": 0.12,
    "difference_interval": [0.05, 0.19],
    "p_value": 0.0075,
}


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(waits, "SLICE_SECONDS", 0.01)


def test_every_tool_says_what_it_does(assistant: Assistant) -> None:
    tools = assistant.run(lambda client: client.list_tools()).tools
    assert 15 <= len(tools) <= 20
    for tool in tools:
        hints = tool.annotations
        assert hints is not None
        assert hints.read_only_hint is not None
        assert hints.read_only_hint or hints.destructive_hint is not None
        assert hints.open_world_hint is False
        assert tool.description
        assert tool.description[0].isupper()
        assert "\n    " not in tool.description
        schema = tool.input_schema
        assert schema["additionalProperties"] is False
        undescribed = [
            name for name, one in schema["properties"].items() if "description" not in one
        ]
        assert undescribed == [], tool.name
        assert tool.output_schema is not None
        assert "context" not in schema["properties"]


def test_only_what_replaces_something_is_called_destructive(assistant: Assistant) -> None:
    tools = assistant.run(lambda client: client.list_tools()).tools
    hints = {tool.name: tool.annotations for tool in tools if tool.annotations is not None}
    assert {name for name, one in hints.items() if one.destructive_hint} == {
        "promote_model",
        "roll_back_model",
        "stop_job",
        "use_model",
    }
    assert {name for name, one in hints.items() if not one.read_only_hint} == {
        "promote_model",
        "roll_back_model",
        "stop_job",
        "train",
        "upload_dataset",
        "use_model",
    }


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("get_job", {}, "`job_id` is missing; `get_job` needs it."),
        ("get_job", {"job_id": "j", "job": 1}, "`get_job` has no argument `job`; it has job_id."),
        (
            "train",
            {"dataset_id": "ds_1", "options": {"learning_rate": 0.1}},
            "`options.learning_rate` is unknown; put other fields of a job into `further_fields`.",
        ),
        (
            "train",
            {"dataset_id": "ds_1", "options": {"further_fields": {"epochs": 1}}},
            "`further_fields` has `epochs`; give it in its own place.",
        ),
        (
            "list_jobs",
            {"limit": 0},
            "`limit` is 0: it should be greater than or equal to 1.",
        ),
        ("predict", {}, "Give either `paths` or `image_base64`."),
        ("predict", {"image_base64": "a$b"}, "`image_base64` is not base64."),
    ],
)
def test_wrong_arguments_get_a_sentence(
    assistant: Assistant, service: Service, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    assert assistant.fail(tool, **arguments) == expected
    assert service.received == []


def test_an_address_is_no_image(assistant: Assistant, service: Service) -> None:
    for text in ("data:image/png;base64,AAAA", "https://example.org/cat.jpg"):
        assert "is an address" in assistant.fail("predict", image_base64=text)
    assert "is an address" in assistant.fail("predict", paths=["https://example.org/cat.jpg"])
    assert service.received == []


def test_a_problem_of_the_service_becomes_its_sentence_and_code(
    assistant: Assistant, service: Service
) -> None:
    service.answer("GET", "/jobs/job_9", problem(404, "NOT_FOUND", "There is no job 'job_9'."))
    assert assistant.fail("get_job", job_id="job_9") == "There is no job 'job_9'. (NOT_FOUND)"
    service.answer("GET", "/overview", problem(500, "INTERNAL", "It failed.", request_id="req_1"))
    assert assistant.fail("get_overview") == (
        "It failed. (INTERNAL) The service's log has the details of request req_1."
    )


def test_a_service_that_is_down_is_named(service: Service, tmp_path: Path) -> None:
    del service
    text = Assistant("http://127.0.0.1:9", tmp_path).fail("get_overview")
    assert text.startswith("Cannot connect to http://127.0.0.1:9")
    assert "graft up" in text


def test_an_answer_of_another_version_shows_no_traceback(
    assistant: Assistant, service: Service
) -> None:
    service.answer("GET", "/jobs/job_1", as_json({"id": 1}))
    assert "UNEXPECTED_ANSWER" in assistant.fail("get_job", job_id="job_1")


def test_a_folder_is_uploaded_with_progress(
    assistant: Assistant, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    (tmp_path / "pets" / "cats" / "1.jpg").write_bytes(b"an image")
    ingesting = dataset(status="ingesting", progress={"stage": "storing", "done": 1, "total": 2})
    service.answer("POST", "/datasets", as_json(ingesting, 202))
    service.answer("GET", "/datasets/ds_1", as_json(ingesting), as_json(dataset()))
    answer = assistant.get("upload_dataset", path="pets", name="mine")
    assert (answer["status"], answer["images_per_split"]) == ("ready", {"train": 3})
    assert (answer["smallest_class"], answer["smallest_class_images"]) == ("cats", 1)
    assert b"cats/1.jpg" in service.received[0].body
    assert [done for done, _, _ in assistant.progress] == [1.0, 1.5]
    assert assistant.progress[1][2] == "ingesting, storing: 1 of 2"


def test_nothing_outside_the_folders_is_sent(assistant: Assistant, service: Service) -> None:
    for tool, arguments in (
        ("upload_dataset", {"path": "/etc"}),
        ("predict", {"paths": ["../x.jpg"]}),
    ):
        assert "outside the allowed folders" in assistant.fail(tool, **arguments)
    assert service.received == []


def test_an_invalid_dataset_is_answered_with_its_reason(
    assistant: Assistant, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "x.zip").write_bytes(b"zip")
    reason = {"code": "DATASET_LAYOUT", "message": "One class is not enough."}
    service.answer("POST", "/datasets", as_json(dataset(status="invalid", error=reason), 202))
    assert assistant.get("upload_dataset", path="x.zip")["error"] == reason


def test_training_sends_the_fields_that_were_given(assistant: Assistant, service: Service) -> None:
    service.answer("POST", "/jobs", as_json(TRAINING, 202))
    options = {"epochs": 2, "strategy": "scratch", "further_fields": {"early_stopping": None}}
    answer = assistant.get("train", dataset_id="ds_1", options=options)
    assert (answer["job_id"], answer["is_finished"], answer["epochs"]) == ("job_1", False, 2)
    assert json.loads(service.received[0].body) == {
        "dataset_id": "ds_1",
        "epochs": 2,
        "strategy": "scratch",
        "early_stopping": None,
    }


def test_a_watch_ends_with_the_job_and_reports_epochs(
    assistant: Assistant, service: Service
) -> None:
    first = job(
        status="running",
        is_terminal=False,
        model=None,
        progress={"stage": "training", "epoch": 1, "epochs": 2, "step": 1, "steps": 2},
    )
    service.answer("GET", "/jobs/job_1", as_json(first), as_json(TRAINING), as_json(job()))
    answer = assistant.get("watch_job", job_id="job_1")
    assert (answer["is_finished"], answer["model"]) == (True, "pets:3")
    assert [(done, total) for done, total, _ in assistant.progress] == [(0.5, 2), (2.0, 2)]


def test_a_watch_ends_when_its_time_is_over(assistant: Assistant, service: Service) -> None:
    service.answer("GET", "/jobs/job_1", as_json(TRAINING))
    answer = assistant.get("watch_job", job_id="job_1", wait_seconds=0.05)
    assert (answer["is_finished"], answer["status"]) == (False, "running")
    assert len(assistant.progress) == 1, "the same progress is not reported twice"


def test_a_wait_for_a_worker_ends_when_its_time_is_over(
    assistant: Assistant, service: Service
) -> None:
    service.answer("GET", "/datasets/ds_1", as_json(dataset()))
    service.answer("GET", "/datasets/ds_1/advice", later("/datasets/ds_1/advice"))
    text = assistant.fail("get_advice", dataset_id="ds_1", wait_seconds=0.3)
    assert text == (
        "The advice is not finished after 0.3 s. A worker continues with it; call `get_advice` "
        "again with the same arguments."
    )
    assert assistant.progress
    assert assistant.progress[0][2] == "waiting for a worker: The advice"


def test_a_history_is_thinned_by_the_service(assistant: Assistant, service: Service) -> None:
    service.answer("GET", "/jobs/job_1", as_json(job()))
    service.answer("GET", "/jobs/job_1/history", as_json({"data": [EPOCH], "num_epochs": 900}))
    answer = assistant.get("get_history", job_id="job_1", points=5)
    assert (answer["num_epochs"], len(answer["epochs"])) == (900, 1)
    assert answer["best"]["val_accuracy"] == 0.75
    assert answer["best"]["val_balanced_accuracy"] == 0.7
    assert service.received[-1].query == "points=5"


def test_a_report_is_short_however_many_classes_there_are(
    assistant: Assistant, service: Service
) -> None:
    num_classes = 300
    names = [f"class {number}" for number in range(num_classes)]
    matrix = [[0] * num_classes for _ in names]
    matrix[7][9] = 4
    per_class = [
        {"class_name": name, "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4}
        for name in names
    ]
    per_class[7]["recall"] = 0.0
    mistake = {
        "image_id": 1,
        "path": "val/a.jpg",
        "label": "class 7",
        "predicted": "class 9",
        "probability": 0.99,
        "thumbnail_url": None,
    }
    report = {
        key: value
        for key, value in EVALUATION.items()
        if key not in {"name", "version", "dataset_id", "dataset_digest", "split"}
    } | {
        "job_id": "job_1",
        "class_names": names,
        "per_class": per_class,
        "confusion_matrix": matrix,
        "test": None,
        "calibration": {
            "temperature": 1.2,
            "reason": None,
            "error_before": 0.1,
            "error_after": 0.05,
            "log_loss_before": 0.3,
            "log_loss_after": 0.2,
            "curve_before": [],
            "curve_after": None,
        },
        "mistakes": [mistake] * 30,
        "cross_validation": {
            "num_images": 80,
            "accuracy": 0.95,
            "accuracy_interval": [0.9, 0.98],
            "warning": "The splits differ.",
        },
        "label_check": {"num_images": 0, "num_suspects": 0, "suspects": None, "reason": "None."},
    }
    service.answer("GET", "/jobs/job_1", as_json(job()))
    service.answer("GET", "/jobs/job_1/report", as_json(report))
    answer = assistant.get("get_report", job_id="job_1", num_mistakes=3)
    assert len(json.dumps(answer)) < 10_000
    assert (answer["num_classes"], len(answer["mistakes"])) == (num_classes, 3)
    assert answer["weakest_classes"][0]["class_name"] == "class 7"
    assert answer["confusions"] == [{"label": "class 7", "predicted": "class 9", "num_images": 4}]
    assert answer["calibration_error"] == 0.05
    assert answer["cross_validated_accuracy"] == 0.95
    assert answer["split_warning"] == "The splits differ."


@pytest.mark.parametrize(
    ("changes", "conclusion"),
    [
        ({}, "job_1 is more accurate than job_2: "),
        ({"difference": -0.12}, "job_2 is more accurate than job_1: "),
        ({"p_value": 0.05}, "These images do not show which job is more accurate: "),
    ],
)
def test_a_comparison_has_a_conclusion(
    assistant: Assistant, service: Service, changes: dict[str, float], conclusion: str
) -> None:
    service.answer("GET", "/jobs/job_1", as_json(job()))
    service.answer("GET", "/jobs/job_1/paired_test", as_json(PAIRED | changes))
    answer = assistant.get("compare_jobs", job_id="job_1", other_job_id="job_2")
    assert answer["conclusion"].startswith(conclusion)
    assert "100 images" in answer["conclusion"]
    assert answer["only_this_right"] == 15


def test_images_are_classified_from_files_and_from_base64(
    assistant: Assistant, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"a cat")
    service.answer("POST", "/predict", as_json(PREDICTION))
    one = assistant.get("predict", paths=["cat.jpg"], model="pets", top_k=1)
    two = assistant.get("predict", image_base64=b64encode(b"a cat").decode())
    for answer, name in ((one, "cat.jpg"), (two, "image_base64")):
        (result,) = answer["results"]
        assert (answer["model"], result["image"], result["label"]) == ("pets:3", name, "cats")
    assert all(b"a cat" in received.body for received in service.received)
    assert service.received[0].query == "model=pets&top_k=1"


def test_one_unreadable_image_of_several_is_an_answer(
    assistant: Assistant, service: Service, tmp_path: Path
) -> None:
    for name in ("cat.jpg", "text.jpg"):
        (tmp_path / name).write_bytes(b"x")
    failed = {"error": {"code": "IMAGE_INVALID", "message": "It is not an image."}}
    results = [{"predictions": PREDICTION["predictions"]}, failed]
    body = {"results": results, "model": PREDICTION["model"], "inference_ms": 1.0}
    service.answer("POST", "/predict", as_json(body))
    answer = assistant.get("predict", paths=["cat.jpg", "text.jpg"])
    assert [one["label"] for one in answer["results"]] == ["cats", None]
    assert answer["results"][1]["error"] == failed["error"]


def test_a_gate_that_refuses_says_why(assistant: Assistant, service: Service) -> None:
    service.answer("GET", VERSION, as_json(VERSION_ANSWER))
    service.answer("GET", "/models/pets", as_json(MODEL))
    refusal = problem(409, "GATE_FAILED", "The recall of 'cats' fell by 0.2.")
    service.answer("PUT", CHAMPION, refusal, as_json(ALIAS))
    arguments = {"model": "pets:3", "confirm": "pets:3"}
    text = assistant.fail("promote_model", **arguments)
    assert text == "The recall of 'cats' fell by 0.2. (GATE_FAILED)"
    assert json.loads(service.received[-1].body) == {"version": 3}


def test_a_list_says_whether_there_is_more(assistant: Assistant, service: Service) -> None:
    rows: list[Answer] = [page(job(id="job_1"), job(id="job_2"), has_more=True, last_id="job_2")]
    service.answer("GET", "/jobs", *rows)
    answer = assistant.get("list_jobs", limit=1, status=["succeeded", "failed"])
    assert ([one["job_id"] for one in answer["jobs"]], answer["has_more"]) == (["job_1"], True)
    assert answer["jobs"][0]["best_val_balanced_accuracy"] == 0.85
    assert "status=succeeded&status=failed" in service.received[0].query

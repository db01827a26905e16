"""Commands for models: aliases, gates, serving, evaluation and export."""

from pathlib import Path

import pytest

from graft_client.console.exit_codes import ExitCode
from graft_client.schemas.models import NewestVersion
from tests.unit.client.answers import (
    ALIAS,
    CHAMPION,
    CHOSEN,
    EVALUATION,
    NOW,
    VERSION,
    as_json,
    dataset,
    later,
    model,
    page,
    problem,
    version,
)
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.running import error_line, read_json, run, sent, succeed

GATE = {
    "dataset_id": "ds_1",
    "dataset_digest": "ab",
    "split": "val",
    "max_class_drop": 0.05,
    "significance": 0.05,
    "require": "not_worse",
}


@pytest.fixture
def pets(service: Service) -> Service:
    service.answer("GET", "/datasets", page(dataset()))
    service.answer("GET", "/models/pets", as_json(model()))
    service.answer("GET", VERSION, as_json(version(3)))
    service.answer("PUT", CHAMPION, as_json(ALIAS))
    return service


def test_models_are_listed_and_shown(pets: Service) -> None:
    newest = {name: version()[name] for name in NewestVersion.model_fields if name != "num_classes"}
    listed = model(newest=newest | {"num_classes": 2})
    del listed["versions"]
    pets.answer("GET", "/models", page(listed))
    text = succeed(pets, "models")
    assert "champion 2" in text
    assert text.splitlines()[1].split()[:4] == ["pets", "3", "0.900", "0.850"]
    shown = succeed(pets, "model", "show", "pets").splitlines()
    assert [line.split()[0] for line in shown[2:]] == ["3", "2"]
    assert [line.split()[3:5] for line in shown[2:]] == [["0.900", "0.850"]] * 2
    assert len(read_json(pets, "model", "show", "pets")["versions"]) == 2


def test_architectures_are_searched(service: Service) -> None:
    weights = {
        "name": "in1k",
        "is_default": True,
        "availability": "local",
        "licence": "apache-2.0",
        "num_classes": 1000,
        "input_size": 224,
        "imagenet_accuracy": None,
        "gflops": 0.385,
    }
    lite = {
        "name": "timm:tf_efficientnet_lite0",
        "library": "timm",
        "aliases": [],
        "input_size": 224,
        "fixed_input_size": False,
        "input_size_step": 1,
        "min_input_size": 16,
        "num_parameters": 4_652_008,
        "weights": [weights],
    }
    service.answer("GET", "/architectures", as_json([lite, lite | {"name": "x", "weights": []}]))
    shown = succeed(service, "architectures", "--search", "lite", "--limit", "5").splitlines()
    row = "timm:tf_efficientnet_lite0 4.7 M 224 in1k, default local apache-2.0"
    assert [" ".join(line.split()) for line in shown[1:]] == [row, "x 4.7 M 224 none - -"]
    assert read_json(service, "architectures")[0]["weights"][0]["imagenet_accuracy"] is None


@pytest.mark.parametrize("reference", [["pets"], ["pets:3"], ["pets", "3"]])
def test_a_version_is_promoted(pets: Service, reference: list[str]) -> None:
    assert "pets@champion is version 3 now." in succeed(pets, "promote", *reference)
    assert sent(pets) == {"version": 3}


def test_a_refused_promotion_fails_the_command(pets: Service) -> None:
    pets.answer("PUT", CHAMPION, problem(409, "GATE_FAILED", "worse on cats"))
    message = error_line(run(pets, "promote", "pets:3"), ExitCode.FAILED)
    assert message == "graft: GATE_FAILED: worse on cats\n"
    pets.answer("PUT", CHAMPION, as_json(ALIAS))
    succeed(pets, "promote", "pets:3", "--force-because", "a test")
    assert sent(pets) == {"version": 3, "force": True, "reason": "a test"}


def test_the_result_of_the_gate_is_shown(pets: Service) -> None:
    result = {
        "passed": True,
        "dataset_id": "ds_1",
        "split": "val",
        "num_images": 10,
        "candidate_version": 3,
        "candidate_accuracy": 0.9,
        "champion_version": 2,
        "champion_accuracy": 0.8,
        "only_champion_right": 0,
        "only_candidate_right": 1,
        "p_value": 1.0,
        "class_drops": [
            {"class_name": "cats", "champion_recall": 0.9, "candidate_recall": 0.8, "drop": 0.1}
        ],
        "reasons": [],
        "warnings": ["few images"],
    }
    pets.answer("PUT", CHAMPION, as_json(ALIAS | {"gate": result}))
    text = succeed(pets, "promote", "pets:3")
    for part in ("passed", "10 of ds_1, val", "2: 0.800", "few images", "cats"):
        assert part in text


def test_an_alias_is_rolled_back(pets: Service) -> None:
    pets.answer("POST", f"{CHAMPION}/rollback", as_json(ALIAS | {"version": 2}))
    assert succeed(pets, "rollback", "pets") == "pets@champion is version 2 now.\n"


def test_the_serving_model_is_chosen_and_shown(pets: Service) -> None:
    pets.answer("PUT", "/serving", as_json(CHOSEN))
    pets.answer("GET", "/serving", as_json(CHOSEN))
    assert "pets (version 3)" in succeed(pets, "use", "pets@champion")
    assert sent(pets) == {"model": "pets@champion"}
    assert "pets (version 3)" in succeed(pets, "use")
    assert pets.received[-1].method == "GET"


def test_a_shadow_is_set_shown_and_removed(pets: Service) -> None:
    pets.answer("PUT", "/serving", as_json(CHOSEN))
    pets.answer("GET", "/serving", as_json(CHOSEN))
    succeed(pets, "shadow", "pets:2", "--fraction", "0.5")
    assert sent(pets) == {"model": "pets", "shadow": {"model": "pets:2", "fraction": 0.5}}
    succeed(pets, "shadow")
    assert pets.received[-1].method == "GET"
    succeed(pets, "shadow", "--remove")
    assert sent(pets) == {"model": "pets", "shadow": None}


def test_a_gate_is_set_shown_and_removed(pets: Service) -> None:
    pets.answer("PUT", "/models/pets/gate", as_json(GATE))
    pets.answer("GET", "/models/pets/gate", as_json(GATE))
    pets.answer("DELETE", "/models/pets/gate", Answer(b"", 204))
    assert "not_worse" in succeed(pets, "gate", "pets", "pets", "--max-class-drop", "0.1")
    assert sent(pets) == {"dataset_id": "ds_1", "max_class_drop": 0.1, "require": "not_worse"}
    assert "ds_1, val" in succeed(pets, "gate", "pets")
    assert "Removed" in succeed(pets, "gate", "pets", "--remove")
    assert pets.received[-1].method == "DELETE"


def test_a_version_is_evaluated(pets: Service) -> None:
    pets.answer("POST", f"{VERSION}/evaluate", as_json(EVALUATION))
    assert "0.900 (0.600-0.980)" in succeed(pets, "evaluate", "pets:3", "pets", "--split", "test")
    assert sent(pets) == {"dataset_id": "ds_1", "split": "test"}


def test_a_version_is_quantized(pets: Service) -> None:
    answer = {
        "name": "pets",
        "version": 4,
        "quantized_from": 3,
        "num_images": 10,
        "float_accuracy": 0.9,
        "int8_accuracy": 0.8,
        "int8_balanced_accuracy": 0.75,
        "num_changed": 1,
        "max_probability_difference": 0.2,
    }
    pets.answer("POST", f"{VERSION}/quantize", as_json(answer))
    text = succeed(pets, "quantize", "pets:3", "ds_1")
    assert "pets:4 is version 3 in int8" in text
    assert "0.800 (balanced 0.750), float 0.900" in text


def test_an_export_is_downloaded(pets: Service, tmp_path: Path) -> None:
    export = f"{VERSION}/export"
    archive = Answer(b"PK", content_type="application/zip")
    pets.answer("GET", export, later(f"{export}?format=openvino"), archive)
    output = tmp_path / "pets.zip"
    told = read_json(pets, "export", "pets:3", str(output), "--format", "openvino")
    assert told == {"model": "pets:3", "format": "openvino", "path": str(output)}
    assert output.read_bytes() == b"PK"


def test_events_are_listed(pets: Service) -> None:
    event = {
        "id": "ev_1",
        "name": "pets",
        "type": "forced",
        "version": 3,
        "alias": "champion",
        "from_version": 2,
        "payload": {"reason": "a test"},
        "created_at": NOW,
    }
    pets.answer("GET", "/models/pets/events", page(event))
    assert '{"reason": "a test"}' in succeed(pets, "events", "pets")
    assert read_json(pets, "events", "pets")[0]["type"] == "forced"

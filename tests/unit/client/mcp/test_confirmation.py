"""Nothing that the service answers changes before the person has agreed."""

from typing import Any

import pytest
from mcp_types import ElicitResult

from tests.unit.client.answers import ALIAS, CHAMPION, CHOSEN, NOW, VERSION, as_json
from tests.unit.client.conftest import Service
from tests.unit.client.mcp.conftest import Assistant

VERSION_ANSWER: dict[str, Any] = {
    "name": "pets",
    "version": 3,
    "aliases": [],
    "job_id": "job_1",
    "architecture": "resnet18",
    "class_names": ["cats", "dogs"],
    "input_size": 224,
    "val_accuracy": 0.9,
    "calibration": None,
    "num_bytes": 1,
    "digest": "ab",
    "dataset_digest": "ab",
    "quantized_from": None,
    "created_at": NOW,
}
MODEL: dict[str, Any] = {
    "name": "pets",
    "newest_version": 3,
    "aliases": {"champion": 2},
    "metadata": {},
    "created_at": NOW,
    "versions": [VERSION_ANSWER],
}
CHANGES = [
    ("promote_model", {"model": "pets:3"}, "pets:3", ("PUT", CHAMPION)),
    ("roll_back_model", {"name": "pets"}, "pets@champion", ("POST", f"{CHAMPION}/rollback")),
    ("use_model", {"model": "pets:3"}, "pets:3", ("PUT", "/serving")),
]
MODES = ["auto", "legacy"]
"""How client and server talk: since 2026, and with a handshake as before."""


@pytest.fixture(autouse=True)
def _answers(service: Service) -> None:
    service.answer("GET", VERSION, as_json(VERSION_ANSWER))
    service.answer("GET", "/models/pets", as_json(MODEL))
    service.answer("PUT", CHAMPION, as_json(ALIAS))
    service.answer("POST", f"{CHAMPION}/rollback", as_json(ALIAS))
    service.answer("PUT", "/serving", as_json(CHOSEN))


def changes_of(service: Service) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in service.received if one.method != "GET"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("tool", "arguments", "reference", "change"), CHANGES)
def test_the_reference_must_be_repeated_where_no_one_can_be_asked(
    assistant: Assistant,
    service: Service,
    mode: str,
    tool: str,
    arguments: dict[str, str],
    reference: str,
    change: tuple[str, str],
) -> None:
    assistant.mode = mode
    first = assistant.fail(tool, **arguments)
    assert f"call `{tool}` again with `confirm` set to '{reference}'" in first
    assert "Ask the person" in first
    for wrong in ("yes", "true", "pets", "pets:2", ""):
        assert f"it must be '{reference}'" in assistant.fail(tool, confirm=wrong, **arguments)
    assert changes_of(service) == []
    assert assistant.get(tool, confirm=reference, **arguments)
    assert changes_of(service) == [change]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("tool", "arguments", "reference", "change"), CHANGES)
def test_the_person_is_asked_where_the_client_can(
    assistant: Assistant,
    service: Service,
    mode: str,
    tool: str,
    arguments: dict[str, str],
    reference: str,
    change: tuple[str, str],
) -> None:
    del reference
    assistant.mode = mode
    assistant.answer = lambda _: ElicitResult(action="accept", content={"confirmed": True})
    assert assistant.get(tool, **arguments)
    (question,) = assistant.questions
    assert question.startswith("Shall '")
    assert changes_of(service) == [change]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("tool", "arguments", "reference", "change"), CHANGES)
@pytest.mark.parametrize(
    "answer",
    [
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={"confirmed": False}),
    ],
    ids=["declined", "cancelled", "not ticked"],
)
def test_a_refusal_counts_even_if_the_assistant_confirms(
    assistant: Assistant,
    service: Service,
    mode: str,
    tool: str,
    arguments: dict[str, str],
    reference: str,
    change: tuple[str, str],
    answer: ElicitResult,
) -> None:
    del change
    assistant.mode = mode
    assistant.answer = lambda _: answer
    assert "did not agree" in assistant.fail(tool, confirm=reference, **arguments)
    assert len(assistant.questions) == 1
    assert changes_of(service) == []


def test_the_question_says_what_changes(assistant: Assistant) -> None:
    assert assistant.fail("promote_model", model="pets:3").startswith(
        "Shall 'champion' of the model 'pets' point to version 3 (validation accuracy 0.900)? "
        "It now points to version 2. Nothing has changed yet."
    )
    assert "It does not exist yet." in assistant.fail("promote_model", model="pets:3", alias="new")


def test_a_name_is_confirmed_as_the_version_that_it_means(
    assistant: Assistant, service: Service
) -> None:
    service.answer("GET", "/models/pets", as_json(MODEL | {"aliases": {}}))
    assert "must be 'pets:3'" in assistant.fail("promote_model", model="pets", confirm="pets")

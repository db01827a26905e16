"""Advice and dry runs, requested from Python."""

import json

import pytest

from app.advice.schemas import Advice
from app.validation.schemas import Validation
from graft_client.errors import ApiError
from graft_client.graft import Graft
from tests.answers import ADVICE, DRY_RUN
from tests.unit.client.conftest import Answer, Service


def pending(location: str) -> Answer:
    headers = (("Location", location), ("Retry-After", "0"))
    return Answer(b"{}", 202, headers=headers)


def as_json(body: object) -> Answer:
    return Answer(json.dumps(body).encode())


def test_advice_is_waited_for(graft: Graft, service: Service) -> None:
    path = "/datasets/ds_1/advice"
    answer = Advice.model_validate(ADVICE).model_dump(mode="json")
    service.answer("GET", path, pending(f"{path}?architecture=alexnet"), as_json(answer))
    advice = graft.advise("ds_1", architecture="alexnet")
    assert (advice.strategy, advice.trainable_from) == ("partial", "layer4")
    assert advice.expected_accuracy.value == 0.9
    assert [received.query for received in service.received] == ["architecture=alexnet"] * 2


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
    service.answer("POST", "/jobs/validate", pending("/jobs/validate/inq_1"))
    service.answer("GET", "/jobs/validate/inq_1", pending("/jobs/validate/inq_1"), as_json(answer))
    validation = graft.validate_job("ds_1", strategy="fine_tune")
    assert validation.measured is not None
    assert validation.measured.fitting_batch_size == 8
    assert json.loads(service.received[0].body) == {"dataset_id": "ds_1", "strategy": "fine_tune"}
    assert [received.method for received in service.received] == ["POST", "GET", "GET"]


def test_an_analysis_that_fails_during_the_wait_is_an_error(graft: Graft, service: Service) -> None:
    path = "/datasets/ds_1/advice"
    problem = {"code": "TOO_FEW_IMAGES", "detail": "one image"}
    failed = Answer(json.dumps(problem).encode(), 409, "application/problem+json")
    service.answer("GET", path, pending(path), failed)
    with pytest.raises(ApiError) as caught:
        graft.advise("ds_1")
    assert caught.value.code == "TOO_FEW_IMAGES"

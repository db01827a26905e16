"""The asynchronous client does what the synchronous one does, without blocking the event loop."""

import asyncio
from pathlib import Path

import pytest

from graft_client import AsyncGraft, ConnectionFailed, OutcomeError
from graft_client.asynchronous import connection as connection_module
from tests.unit.client.answers import (
    DONE,
    PREDICTION,
    as_json,
    batch,
    dataset,
    event,
    image,
    job,
    page,
    problem,
    stream,
)
from tests.unit.client.conftest import Answer, Service


def test_the_story_from_an_upload_to_a_prediction(service: Service, tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.jpg").write_bytes(b"an image")
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    service.answer(
        "GET", "/datasets/ds_1", as_json(dataset(status="ingesting")), as_json(dataset())
    )
    service.answer(
        "GET",
        "/datasets/ds_1/images",
        page(image(id=1), has_more=True, last_id="1"),
        page(image(id=2)),
    )
    service.answer("POST", "/jobs", as_json(job(status="queued", model=None), 202))
    service.answer("GET", "/jobs/job_1/events/stream", stream(event(1) + event(2)))
    service.answer("GET", "/jobs/job_1", as_json(job()))
    service.answer("POST", "/predict", as_json(PREDICTION))

    async def run() -> str:
        async with AsyncGraft(service.url) as graft:
            pets = await graft.datasets.upload(tmp_path, name="pets")
            await pets.wait()
            assert [one.id async for one in pets.images()] == [1, 2]
            trained = await graft.train(pets, epochs=2)
            assert len([one async for one in trained.follow()]) == 2
            await trained.wait()
            assert trained.model is not None
            prediction = await trained.model.predict(b"an image")
            assert "val_accuracy 0.900" in repr(trained)
            return prediction.label

    assert asyncio.run(run()) == "cats"
    upload = service.received[0]
    assert b"PK" in upload.body
    assert len(upload.headers["Idempotency-Key"]) == 32


def test_a_display_of_an_asynchronous_object_asks_nothing(service: Service) -> None:
    async def run() -> tuple[str, str]:
        async with AsyncGraft(service.url) as graft:
            service.answer("GET", "/datasets/ds_1", as_json(dataset()))
            service.answer("GET", "/jobs/job_1", as_json(job()))
            pets = await graft.datasets.get("ds_1")
            return pets._repr_html_(), (await graft.jobs.get("job_1"))._repr_html_()

    assert all(html.startswith("<div>") for html in asyncio.run(run()))
    assert len(service.received) == 2


def test_batches_retries_and_errors(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(connection_module, "sleep", sleep)
    cut = Answer(b"{", is_broken=True)
    line = Answer(b'{"path": "a.jpg", "predictions": []}\n')
    service.answer("POST", "/predictions", cut, as_json(batch(), 202))
    service.answer("GET", "/predictions/pred_1", problem(503, "UNAVAILABLE"), as_json(DONE), cut)
    service.answer("GET", "/predictions/pred_1/results", line)

    async def run() -> None:
        async with AsyncGraft(service.url) as graft:
            found = await graft.batches.create("ds_1")
            await found.wait()
            assert [one.path async for one in found.results()] == ["a.jpg"]
            with pytest.raises(ConnectionFailed):
                await found.refresh()
            service.answer(
                "GET", "/predictions/pred_1", as_json(batch(status="cancelled", is_terminal=True))
            )
            with pytest.raises(OutcomeError, match="CANCELLED"):
                await found.wait()

    asyncio.run(run())
    assert len(pauses) == 5

"""The Python client against the real service, for threads and for an event loop."""

import asyncio
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_client import AsyncGraft, Conflict, InvalidRequest
from graft_client import Graft as Client
from graft_client.options import JobOptions
from graft_client.schemas.predictions import FailedPrediction
from tests.e2e.conftest import Graft
from tests.uploads import make_zip

RECIPE: JobOptions = {
    "architecture": "squeezenet1_0",
    "weights": "none",
    "input_size": 32,
    "batch_size": 8,
    "num_threads": 1,
    "epochs": 2,
}
BLACK = np.zeros((40, 40, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(BytesIO(make_zip())) as archive:
        archive.extractall(tmp_path / "photographs")
    return tmp_path / "photographs"


def test_the_whole_story(graft: Graft, folder: Path, tmp_path: Path) -> None:
    with Client(graft.running.url) as client:
        dataset = client.datasets.upload(folder, name="client", metadata={"by": "test"}).wait()
        assert (dataset.class_names, dataset.num_images) == (["amber", "blue"], 24)
        assert {image.split for image in dataset.images()} == {"train", "val"}
        assert client.datasets.get(dataset.id).metadata == {"by": "test"}
        assert "data:image/png" in dataset._repr_html_()
        image = dataset.images(split="val", class_name="blue").take(1)[0]
        with Image.open(BytesIO(image.picture(size=32).data)) as thumbnail:
            assert max(thumbnail.size) <= 64

        job = client.train(dataset, **RECIPE).wait()
        assert job.model is not None
        assert [epoch.epoch for epoch in job.history()] == [1, 2]
        assert "<svg" in client.jobs.get(job.id)._repr_html_()
        report = job.report()
        assert report.num_images == 8
        assert list(report.to_pandas().index) == ["amber", "blue"]
        assert [event.type for event in job.events()][-1] == "succeeded"
        assert client.jobs.list(dataset=dataset, status=["succeeded"]).all() == [job]
        assert client.jobs.list(model_name="client", q="clie").first() == job

        original = image.picture().data
        several = job.model.predict([original, Image.open(BytesIO(original)), BLACK, b"text"])
        kinds = [isinstance(one, FailedPrediction) for one in several]
        assert kinds == [False, False, False, True]
        first, second = several[:2]
        assert not isinstance(first, FailedPrediction)
        assert not isinstance(second, FailedPrediction)
        assert first.label == second.label
        assert first.probability == pytest.approx(second.probability, abs=1e-5)
        explained = client.predict(original, model=job.model, top_k=1, explain=True)
        assert explained.label == first.label
        assert explained.explanation is not None
        assert explained.explanation.png.startswith(b"\x89PNG")

        model = client.models.get("client")
        assert model.promote().version == 1
        newest = model.versions[0]
        assert client.models.version("client@champion") == newest.refresh()
        with pytest.raises(Conflict):
            newest.delete()
        archive = job.model.export(tmp_path / "client.zip", format="safetensors")
        assert zipfile.is_zipfile(archive)

        batch = client.batches.upload(folder, model=model, top_k=1).wait()
        assert len(list(batch.results())) == 24
        assert batch.save(tmp_path / "lines.csv", format="csv").read_text().count("\n") == 25


def test_two_jobs_are_compared(graft: Graft, folder: Path) -> None:
    with Client(graft.running.url) as client:
        dataset = client.datasets.upload(folder, name="client-pair")
        first = client.train(dataset, **RECIPE | {"seed": 1})
        second = client.train(dataset, **RECIPE | {"seed": 2})
        first.wait()
        second.wait()
        report = first.report()
        predicted = first.predictions().all()
        assert len(predicted) == 8
        assert sum(one.label == one.predicted for one in predicted) == 8 * report.accuracy
        assert report.coverage_curve is not None
        compared = first.paired_test(second)
        assert (compared.num_images, compared.accuracy) == (8, report.accuracy)
        shown = first.disagreements(second).all()
        assert len(shown) >= compared.only_this_right + compared.only_other_right
        version = client.model("client-pair").version(1)
        assert version.paired_test("client-pair:2", split="val").num_images == 8
        assert len(first.history(points=2)) == 2
        assert first.clone(model_name="client-clone").cancel().config["seed"] == 1
        assert client.overview().jobs.succeeded >= 2
        status = client.service()
        assert any(worker.is_alive for worker in status.workers)
        assert {queue.name for queue in status.queues} == {"cpu", "predict", "train"}


def test_what_is_wrong_and_what_is_allowed(graft: Graft) -> None:
    with Client(graft.running.url) as client, pytest.raises(InvalidRequest) as raised:
        client.train("ds_unknown", architecture="resnet19")
    error = raised.value
    assert error.request_id is not None
    assert error.request_id in str(error)
    assert [one.field for one in error.errors] == ["architecture"]
    assert "resnet18" in str(error)


def test_the_whole_story_in_an_event_loop(graft: Graft, folder: Path) -> None:
    async def run() -> None:
        async with AsyncGraft(graft.running.url) as client:
            dataset = await client.datasets.upload(folder, name="async-client")
            job = await client.train(dataset, **RECIPE)
            types = [getattr(one, "type", "progress") async for one in job.follow()]
            assert types.count("epoch") == 2
            await job.wait()
            assert job.model is not None
            one, other = await asyncio.gather(
                job.model.predict(BLACK), client.predict(BLACK, model="async-client")
            )
            assert one.predictions == other.predictions
            batch = await (
                await client.batches.create(dataset, split="val", model=job.model)
            ).wait()
            assert len([line async for line in batch.results()]) == 8

    asyncio.run(run())

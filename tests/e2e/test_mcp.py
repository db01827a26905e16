"""An assistant uses the running service through `graft mcp`, over both transports."""

import asyncio
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from mcp import Client
from mcp.client.session import ClientRequestContext
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from app.demo.drawn_datasets import DrawnDataset, write_dataset
from tests.e2e.conftest import TRAINING, Graft
from tests.servers import find_free_port, wait_until

DRAWINGS = DrawnDataset("drawings", ("disc", "waves"), num_train=8, num_val=4, num_test=0, seed=7)
RECIPE = {key: value for key, value in TRAINING.items() if key != "num_threads"} | {
    "strategy": "scratch",
    "further_fields": {"num_threads": 1},
}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images, as a person has them."""
    write_dataset(DRAWINGS, tmp_path / "drawings.zip")
    with ZipFile(tmp_path / "drawings.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "drawings"


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


class Assistant:
    """Calls tools, and keeps the progress notifications."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.progress: list[float] = []

    async def get(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments, progress_callback=self._report)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return dict(result.structured_content)

    async def fail(self, tool: str, **arguments: Any) -> str:
        result = await self._client.call_tool(tool, arguments)
        assert result.is_error
        return text_of(result)

    async def finish(self, job_id: str) -> dict[str, Any]:
        for _ in range(30):
            job = await self.get("watch_job", job_id=job_id, wait_seconds=10)
            if job["is_finished"]:
                return job
        pytest.fail(f"the job did not end: {job}")

    async def _report(self, progress: float, total: float | None, message: str | None) -> None:
        del total, message
        self.progress.append(progress)


async def tell_story(client: Client, images: Path, name: str) -> Assistant:
    """Go from a folder of images to a prediction; the model is not promoted yet."""
    assistant = Assistant(client)
    dataset = await assistant.get("upload_dataset", path=str(images), name=name, wait_seconds=120)
    assert (dataset["status"], dataset["class_names"]) == ("ready", ["disc", "waves"])
    assert dataset["images_per_split"] == {"train": 16, "val": 8}
    dataset_id = dataset["dataset_id"]
    listed = await assistant.get("list_datasets", q=name)
    assert [one["dataset_id"] for one in listed["datasets"]] == [dataset_id]

    options = RECIPE | {"model_name": name, "epochs": 2}
    checked = await assistant.get(
        "validate_training", dataset_id=dataset_id, options=options, wait_seconds=120
    )
    assert (checked["is_valid"], checked["config"]["epochs"]) == (True, 2)
    jobs = [
        await assistant.get("train", dataset_id=dataset_id, options=options | {"seed": seed})
        for seed in (0, 1)
    ]
    first, second = [await assistant.finish(one["job_id"]) for one in jobs]
    assert [first["status"], second["status"]] == ["succeeded", "succeeded"]
    assert assistant.progress

    history = await assistant.get("get_history", job_id=first["job_id"], points=2)
    assert [one["epoch"] for one in history["epochs"]] == [1, 2]
    report = await assistant.get("get_report", job_id=first["job_id"])
    assert report["validation"]["num_images"] == 8
    assert report["validation"]["accuracy"] == first["best"]["val_accuracy"]
    compared = await assistant.get(
        "compare_jobs", job_id=first["job_id"], other_job_id=second["job_id"]
    )
    assert compared["num_images"] == 8
    assert "8 images" in compared["conclusion"]

    image = images / "val" / "disc" / "000.jpg"
    for source in (
        {"paths": [str(image)]},
        {"image_base64": b64encode(image.read_bytes()).decode()},
    ):
        answer = await assistant.get("predict", model=f"{name}:1", **source)
        assert answer["model"] == f"{name}:1"
        assert answer["results"][0]["label"] in {"disc", "waves"}
    return assistant


def test_over_standard_input_and_output_a_reference_confirms(graft: Graft, images: Path) -> None:
    async def run() -> None:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "graft_client.cli", "mcp", "--allow", str(images)],
            env={"GRAFT_URL": graft.running.url},
        )
        async with Client(server) as client:
            assistant = await tell_story(client, images, "mcp-stdio")
            listed = await assistant.get("list_datasets", q="mcp-stdio")
            dataset_id = listed["datasets"][0]["dataset_id"]
            advice = await assistant.get("get_advice", dataset_id=dataset_id, wait_seconds=200)
            assert advice["options"]["architecture"] == "resnet18"
            assert advice["num_images"] == 16
            assert "outside the allowed folders" in await assistant.fail(
                "predict", paths=["/etc/hostname"]
            )
            told = await assistant.fail("promote_model", model="mcp-stdio:1")
            assert "`confirm` set to 'mcp-stdio:1'" in told
            assert graft.get("/models/mcp-stdio")["aliases"] == {}
            await assistant.get("promote_model", model="mcp-stdio:1", confirm="mcp-stdio:1")
            await assistant.get("promote_model", model="mcp-stdio:2", confirm="mcp-stdio:2")
            await assistant.get("roll_back_model", name="mcp-stdio", confirm="mcp-stdio@champion")
            assert graft.get("/models/mcp-stdio")["aliases"] == {"champion": 1}
            missing = await assistant.fail("get_job", job_id="job_unknown")
            assert missing.endswith("(NOT_FOUND)")

    asyncio.run(run())


def test_over_http_the_person_is_asked(graft: Graft, images: Path) -> None:
    questions: list[str] = []

    async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        questions.append(params.message)
        return ElicitResult(action="accept", content={"confirmed": True})

    async def run(url: str) -> None:
        async with Client(url, elicitation_callback=agree) as client:
            assistant = await tell_story(client, images, "mcp-http")
            await assistant.get("promote_model", model="mcp-http:2")
            chosen = await assistant.get("use_model", model="mcp-http")
            assert chosen["resolved"] == {"name": "mcp-http", "version": 2}
            models = await assistant.get("list_models", q="mcp-http")
            assert [one["champion"] for one in models["models"]] == [2]
            overview = await assistant.get("get_overview")
            assert overview["serving"]["model"] == "mcp-http"

    with serving_http(graft, images) as url:
        asyncio.run(run(url))
        assert len(questions) == 2
        assert "point to version 2" in questions[0]
        rebound = httpx.post(url, json={}, headers={"Host": "attacker.example"})
        assert rebound.status_code == 421


@contextmanager
def serving_http(graft: Graft, folder: Path) -> Iterator[str]:
    """Run `graft mcp --http`; yields the address of its endpoint."""
    port = find_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "graft_client.cli", "mcp", "--http", "--port", str(port)],
        cwd=folder,
        env=os.environ | {"GRAFT_URL": graft.running.url},
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        wait_until(lambda: is_answering(url), "graft mcp", seconds=60)
        yield url
    finally:
        process.terminate()
        _, told = process.communicate(timeout=30)
    assert url in told
    assert "Traceback" not in told


def is_answering(url: str) -> bool:
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return True

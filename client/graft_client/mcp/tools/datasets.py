"""Tools for datasets."""

from typing import Annotated, Literal

from anyio import to_thread
from pydantic import Field

from graft_client.mcp.answers.base import take_page
from graft_client.mcp.answers.datasets import (
    AdviceAnswer,
    DatasetDetails,
    DatasetLine,
    DatasetList,
)
from graft_client.mcp.context import ToolContext, graft_of, reach_of
from graft_client.mcp.tools.arguments import DatasetId, Limit
from graft_client.mcp.tools.kinds import Kind, Specification
from graft_client.mcp.waits import (
    DEFAULT_WAIT_SECONDS,
    Progress,
    UploadDisplay,
    WaitSeconds,
    wait_for_dataset,
    wait_for_worker,
)


async def list_datasets(
    context: ToolContext,
    q: Annotated[str | None, Field(description="A part of the name.")] = None,
    status: Annotated[
        Literal["ingesting", "ready", "invalid"] | None, Field(description="Only with this status.")
    ] = None,
    limit: Limit = 20,
) -> DatasetList:
    """List the datasets of labelled images, newest first."""
    pages = graft_of(context).datasets.list(q=q, status=status)
    found, has_more = await take_page(pages, limit)
    return DatasetList(datasets=[DatasetLine.of(one) for one in found], has_more=has_more)


async def get_dataset(context: ToolContext, dataset_id: DatasetId) -> DatasetDetails:
    """Get a dataset: its classes and splits, and what is wrong with its images.

    Read the findings before training: leaked images, duplicates, rejected files and suspect labels.
    """
    return DatasetDetails.of(await graft_of(context).datasets.get(dataset_id))


async def upload_dataset(
    context: ToolContext,
    path: Annotated[
        str,
        Field(
            description="A folder with one folder of images for each class, or such folders below "
            "`train/`, `val/` and `test/`; or an archive of it (zip, tar). It must lie in a folder "
            "that the operator allows."
        ),
    ],
    name: Annotated[str | None, Field(description="By default the name of the source.")] = None,
    val_fraction: Annotated[
        float | None,
        Field(gt=0, lt=1, description="Share of validation images, for sources without `val/`."),
    ] = None,
    wait_seconds: WaitSeconds = DEFAULT_WAIT_SECONDS,
) -> DatasetDetails:
    """Upload labelled images as a new dataset, and wait a while until it is ready.

    If the status is still `ingesting`, call `get_dataset` later; if it is `invalid`, `error` says
    what to change. Every call creates a dataset, so list the datasets first.
    """
    reach, progress = reach_of(context), Progress(context)
    source = await to_thread.run_sync(reach.folders.find_source, path)
    dataset = await reach.graft.datasets.upload(
        source, name=name, val_fraction=val_fraction, progress=UploadDisplay(progress)
    )
    await wait_for_dataset(progress, dataset, wait_seconds)
    return DatasetDetails.of(dataset)


async def get_advice(
    context: ToolContext,
    dataset_id: DatasetId,
    architecture: Annotated[
        str,
        Field(description="Advice for this one; `auto` chooses among several, and takes longer."),
    ] = "resnet18",
    wait_seconds: WaitSeconds = DEFAULT_WAIT_SECONDS,
) -> AdviceAnswer:
    """Get advice on how to train on a dataset, which a worker measures on its images.

    It takes seconds to minutes the first time. Give its `options` to `train`.
    """
    dataset = await graft_of(context).datasets.get(dataset_id)
    advice = await wait_for_worker(
        Progress(context),
        lambda seconds: dataset.advice(architecture=architecture, timeout_seconds=seconds),
        seconds=wait_seconds,
        what="The advice",
        tool="get_advice",
    )
    return AdviceAnswer.of(advice)


TOOLS = (
    Specification(list_datasets, Kind.READS),
    Specification(get_dataset, Kind.READS),
    Specification(upload_dataset, Kind.ADDS),
    Specification(get_advice, Kind.READS),
)

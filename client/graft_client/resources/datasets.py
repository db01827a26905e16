"""Datasets and their images."""

from typing import Any, Literal

from graft_client.resources.base import ErrorReason, Resource


class Split(Resource):
    """The number of images in a split."""

    num_images: int
    per_class: dict[str, int]


class Dataset(Resource):
    """An uploaded dataset."""

    id: str
    name: str
    status: Literal["ingesting", "ready", "invalid"]
    error: ErrorReason | None
    class_names: list[str]
    splits: dict[str, Split]
    report: dict[str, Any]
    digest: str | None


class DatasetImage(Resource):
    """An image of a dataset."""

    id: int
    split: Literal["train", "val", "test"]
    class_name: str
    path: str

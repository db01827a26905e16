"""The operations of the service's OpenAPI document."""

from typing import Any

from app.main import create_app
from app.settings import Settings

METHODS = ("get", "put", "post", "patch", "delete")


def list_operations() -> list[tuple[str, str]]:
    """Return method and path of every operation."""
    paths: dict[str, Any] = create_app(Settings(), predicts=False).openapi()["paths"]
    return [(one.upper(), path) for path, item in paths.items() for one in item if one in METHODS]


def example_of(path: str) -> str:
    """The path with a value for each parameter."""
    return path.format_map(
        {
            "dataset_id": "ds_unknown",
            "job_id": "job_unknown",
            "study_id": "study_unknown",
            "batch_id": "pred_unknown",
            "analysis_id": "inq_unknown",
            "key_id": "key_unknown",
            "member_id": "mem_unknown",
            "upload_id": "upl_unknown",
            "name": "unknown",
            "alias": "champion",
            "version": 1,
            "image_id": 1,
        }
    )

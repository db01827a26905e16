"""The Python client of Graft, a service that fine-tunes and serves image classifiers.

    from graft_client import Graft

    graft = Graft("http://127.0.0.1:8000")
    dataset = graft.datasets.upload("photographs").wait()
    job = graft.train(dataset, strategy="fine_tune").wait()
    print(job.model.predict("image.jpg").label)

`AsyncGraft` has the same methods for an event loop. Names are imported when they are first used, so
that importing the package takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft_client.asynchronous.graft import AsyncGraft
    from graft_client.errors import (
        ApiError,
        Conflict,
        ConnectionFailed,
        Forbidden,
        GateFailed,
        GraftError,
        InvalidRequest,
        NotFound,
        OutcomeError,
        Unauthenticated,
        Unavailable,
        WaitTimeout,
    )
    from graft_client.history import History
    from graft_client.pictures import Picture
    from graft_client.schemas.jobs import Epoch
    from graft_client.schemas.plans import Advice
    from graft_client.schemas.predictions import ImagePredictions
    from graft_client.schemas.reports import Report
    from graft_client.synchronous.batches import Batch, Batches
    from graft_client.synchronous.datasets import Dataset, DatasetImage, Datasets
    from graft_client.synchronous.graft import Graft
    from graft_client.synchronous.jobs import Job, Jobs
    from graft_client.synchronous.keys import Keys
    from graft_client.synchronous.models import Model, Models, NamedModel
    from graft_client.synchronous.pages import Pages
    from graft_client.synchronous.studies import Studies, Study
    from graft_client.synchronous.versions import ModelVersion, RegisteredVersion

_MODULES = {
    "Advice": "schemas.plans",
    "ApiError": "errors",
    "AsyncGraft": "asynchronous.graft",
    "Batch": "synchronous.batches",
    "Batches": "synchronous.batches",
    "Conflict": "errors",
    "ConnectionFailed": "errors",
    "Dataset": "synchronous.datasets",
    "DatasetImage": "synchronous.datasets",
    "Datasets": "synchronous.datasets",
    "Epoch": "schemas.jobs",
    "Forbidden": "errors",
    "GateFailed": "errors",
    "Graft": "synchronous.graft",
    "GraftError": "errors",
    "History": "history",
    "ImagePredictions": "schemas.predictions",
    "InvalidRequest": "errors",
    "Job": "synchronous.jobs",
    "Jobs": "synchronous.jobs",
    "Keys": "synchronous.keys",
    "Model": "synchronous.models",
    "ModelVersion": "synchronous.versions",
    "Models": "synchronous.models",
    "NamedModel": "synchronous.models",
    "NotFound": "errors",
    "OutcomeError": "errors",
    "Pages": "synchronous.pages",
    "Picture": "pictures",
    "RegisteredVersion": "synchronous.versions",
    "Report": "schemas.reports",
    "Studies": "synchronous.studies",
    "Study": "synchronous.studies",
    "Unauthenticated": "errors",
    "Unavailable": "errors",
    "WaitTimeout": "errors",
}

__all__ = [
    "Advice",
    "ApiError",
    "AsyncGraft",
    "Batch",
    "Batches",
    "Conflict",
    "ConnectionFailed",
    "Dataset",
    "DatasetImage",
    "Datasets",
    "Epoch",
    "Forbidden",
    "GateFailed",
    "Graft",
    "GraftError",
    "History",
    "ImagePredictions",
    "InvalidRequest",
    "Job",
    "Jobs",
    "Keys",
    "Model",
    "ModelVersion",
    "Models",
    "NamedModel",
    "NotFound",
    "OutcomeError",
    "Pages",
    "Picture",
    "RegisteredVersion",
    "Report",
    "Studies",
    "Study",
    "Unauthenticated",
    "Unavailable",
    "WaitTimeout",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'graft_client' has no attribute '{name}'")
    return getattr(import_module(f"graft_client.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

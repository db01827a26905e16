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
        GateFailed,
        GraftError,
        InvalidRequest,
        NotFound,
        OutcomeError,
        Unavailable,
        WaitTimeout,
    )
    from graft_client.history import History
    from graft_client.pictures import Picture
    from graft_client.synchronous.batches import Batch
    from graft_client.synchronous.datasets import Dataset
    from graft_client.synchronous.graft import Graft
    from graft_client.synchronous.jobs import Job
    from graft_client.synchronous.models import Model
    from graft_client.synchronous.studies import Study
    from graft_client.synchronous.versions import ModelVersion

_MODULES = {
    "ApiError": "errors",
    "AsyncGraft": "asynchronous.graft",
    "Batch": "synchronous.batches",
    "Conflict": "errors",
    "ConnectionFailed": "errors",
    "Dataset": "synchronous.datasets",
    "GateFailed": "errors",
    "Graft": "synchronous.graft",
    "GraftError": "errors",
    "History": "history",
    "InvalidRequest": "errors",
    "Job": "synchronous.jobs",
    "Model": "synchronous.models",
    "ModelVersion": "synchronous.versions",
    "NotFound": "errors",
    "OutcomeError": "errors",
    "Picture": "pictures",
    "Study": "synchronous.studies",
    "Unavailable": "errors",
    "WaitTimeout": "errors",
}

__all__ = [
    "ApiError",
    "AsyncGraft",
    "Batch",
    "Conflict",
    "ConnectionFailed",
    "Dataset",
    "GateFailed",
    "Graft",
    "GraftError",
    "History",
    "InvalidRequest",
    "Job",
    "Model",
    "ModelVersion",
    "NotFound",
    "OutcomeError",
    "Picture",
    "Study",
    "Unavailable",
    "WaitTimeout",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'graft_client' has no attribute '{name}'")
    return getattr(import_module(f"graft_client.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

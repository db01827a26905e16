"""What a person sees of the service's answers; a module is imported when it is first used.

They need rich, which JSON and the help pages do without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft_client.console.views import (
        access,
        architectures,
        datasets,
        jobs,
        models,
        portfolios,
        predictions,
        studies,
        tenants,
    )

__all__ = [
    "access",
    "architectures",
    "datasets",
    "jobs",
    "models",
    "portfolios",
    "predictions",
    "studies",
    "tenants",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return import_module(f"{__name__}.{name}")

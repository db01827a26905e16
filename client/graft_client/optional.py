"""Import packages that the client can do without."""

from importlib import import_module
from typing import Any

from graft_client.errors import MissingDependency

_DISTRIBUTIONS = {"PIL": "pillow"}


def require(module: str, purpose: str) -> Any:
    """Import a module that `purpose` needs; raises MissingDependency with what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingDependency(_DISTRIBUTIONS.get(package, package), purpose) from error

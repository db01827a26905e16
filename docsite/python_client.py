"""Name the public modules of the Python client; mkdocstrings writes their reference."""

from importlib import import_module
from inspect import isclass

import graft_client

_FIRST = ("Graft", "Dataset", "Job", "Model", "ModelVersion", "Study", "Batch", "History")
"""Names in the order in which a reader meets them; the others follow."""

_SAME_METHODS = "AsyncGraft"
"""Described in a sentence, because its methods are those of the others with `await`."""


def write_python_client() -> str:
    """Return an instruction to mkdocstrings for each module of a public name."""
    others = sorted(set(graft_client.__all__) - {*_FIRST, _SAME_METHODS}, reverse=True)
    names = (*_FIRST, *others)
    modules = dict.fromkeys(getattr(graft_client, name).__module__ for name in names)
    return "\n\n".join(_describe(module) for module in modules) + "\n"


def _describe(module: str) -> str:
    members = [
        name
        for name, value in vars(import_module(module)).items()
        if isclass(value) and value.__module__ == module and not name.startswith("_")
    ]
    options = [
        "show_root_heading: false",
        "show_root_toc_entry: false",
        "heading_level: 3",
        f"members: [{', '.join(members)}]",
    ]
    title = module.rpartition(".")[2].capitalize()
    return f"## {title}\n\n::: {module}\n    options: {{{', '.join(options)}}}"

"""The architectures that tests are run on."""

import pytest

from app.ml.models.catalogue import list_entries

REPRESENTATIVES = frozenset(
    {"squeezenet1_0", "resnet18", "mobilenet_v3_small", "swin_t", "inception_v3"}
)
"""A head of convolutions, one of a single matrix, one of several layers, a transformer, and an
auxiliary head with an input size of its own."""

each_architecture = pytest.mark.parametrize(
    "entry",
    [
        pytest.param(
            entry,
            id=entry.name,
            marks=() if entry.name in REPRESENTATIVES else pytest.mark.all_architectures,
        )
        for entry in list_entries()
    ],
)
"""Runs a test on every architecture; `make test` runs it on the representatives only."""

"""Parametrize tests by architecture."""

import pytest

from app.ml.models.catalogue import list_architectures

REPRESENTATIVES = frozenset(
    {"squeezenet1_0", "resnet18", "mobilenet_v3_small", "swin_t", "inception_v3"}
)
"""A convolutional head, a linear head, a head of several layers, a transformer, and an auxiliary
head with its own input size."""

each_architecture = pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(
            architecture,
            id=architecture.name,
            marks=() if architecture.name in REPRESENTATIVES else pytest.mark.all_architectures,
        )
        for architecture in list_architectures()
    ],
)
"""Run a test on every architecture; `make test` only runs the representatives."""

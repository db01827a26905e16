"""Parametrize tests by architecture."""

from collections.abc import Collection

import pytest

from app.ml.models.catalogue import list_architectures


def for_each_architecture(representatives: Collection[str]) -> pytest.MarkDecorator:
    """Run a test with every architecture; `make test` only runs the representatives."""
    return pytest.mark.parametrize(
        "architecture",
        [
            pytest.param(
                architecture,
                id=architecture.name,
                marks=() if architecture.name in representatives else pytest.mark.all_architectures,
            )
            for architecture in list_architectures()
        ],
    )

"""Skip the tests that need a CUDA device if there is none."""

import pytest
import torch

from tests.unit.training.conftest import make_config

__all__ = ["make_config"]


@pytest.fixture(autouse=True)
def needs_cuda() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device can be used here")

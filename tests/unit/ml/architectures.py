"""The architectures that the tests of this folder go through."""

import pytest

from app.ml.models.catalogue import list_entries

REPRESENTATIVES = frozenset(
    {
        *("resnet18", "alexnet", "vgg11_bn", "squeezenet1_0", "densenet121", "inception_v3"),
        *("convnext_tiny", "efficientnet_b0", "googlenet", "maxvit_t", "mnasnet0_5"),
        *("mobilenet_v2", "mobilenet_v3_small", "regnet_y_400mf", "shufflenet_v2_x0_5"),
        *("swin_t", "swin_v2_t", "vit_b_32"),
    }
)
"""The tutorials' six, and a small one of each further family."""

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
"""Runs a test on every architecture; `make test` leaves out all but the representatives."""

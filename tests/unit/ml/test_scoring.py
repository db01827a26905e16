"""A whole model as one function of prepared pixels."""

import gc
import weakref
from collections.abc import Callable

import pytest

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import get_architecture
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.heat_maps import Explainer


def make_network() -> ScoringNetwork:
    arguments = build_arguments("squeezenet1_0", is_pretrained=False)
    model = build("squeezenet1_0", 2, arguments=arguments)
    spec = PreprocessingSpec(input_size=64, resize_size=64)
    return ScoringNetwork(model, get_architecture("squeezenet1_0"), spec)


@pytest.mark.parametrize("use", [ScoringNetwork.eval, Explainer])
def test_a_deleted_model_frees_its_memory_at_once(
    use: Callable[[ScoringNetwork], object],
) -> None:
    gc.disable()
    try:
        network = make_network()
        weights = weakref.ref(network.model)
        used = use(network)
        del network
        assert weights() is not None
        del used
        assert weights() is None
    finally:
        gc.enable()

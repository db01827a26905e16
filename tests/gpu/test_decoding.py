"""Decoding and resizing on a CUDA device for predictions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from app.errors import ImageCorrupt
from app.ml.images.gpu_decoding import decode_jpeg_on, require_gpu_decoding
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import get_architecture
from app.predictions.engines.choice import make_builder
from app.predictions.servable import Servable
from tests.unit.ml.test_tensor_decoding import OTHERS, PLAIN, encode, picture
from tests.unit.predictions.test_engines import make_network

pytestmark = pytest.mark.gpu

CUDA = torch.device("cuda")
MAX_MEAN_DIFFERENCE = 8.0
"""Levels on average. On these waves of colour libjpeg-turbo without interpolation of the colours
differs by up to 4.5 from itself with it. Decoders interpolate in their own ways. Exchanged channels
differ by 60.
"""


def make_servable(decode_device: torch.device | None) -> Servable:
    build = make_builder("torch", CUDA, "fp32", gpu_batch_size=16)
    spec = PreprocessingSpec(input_size=64, resize_size=64)
    engine = build(make_network(get_architecture("resnet18"), size=64))
    return Servable(engine, ("a", "b", "c"), spec, None, decode_device)


def test_images_are_nearly_those_of_the_cpu() -> None:
    require_gpu_decoding(CUDA)
    on_cpu, on_gpu = make_servable(None), make_servable(CUDA)
    for name, content in (PLAIN | OTHERS).items():
        if name == "damaged inside":
            continue  # each decoder fills the gap in its own way
        expected, prepared = on_cpu.prepare(content), on_gpu.prepare(content)
        assert prepared.device.type == "cuda"
        difference = (prepared.cpu().float() - expected.float()).abs()
        assert difference.mean() < MAX_MEAN_DIFFERENCE, name


def test_what_nvjpeg_cannot_decode_gets_the_error_of_the_cpu() -> None:
    content = PLAIN["4:2:0"]
    assert decode_jpeg_on(CUDA, content).shape == (3, 45, 67)
    with pytest.raises(ImageCorrupt, match="truncated"):
        make_servable(CUDA).prepare(content[: len(content) // 2])


def test_callers_at_once_get_their_own_answers_while_models_are_loaded() -> None:
    servable = make_servable(CUDA)
    contents = [encode(picture(size=(60 + 9 * number, 70))) for number in range(12)]
    contents += [encode(picture(size=(90, 60 + number)), "PNG") for number in range(4)]

    def ask(number: int) -> torch.Tensor:
        pixels = servable.prepare(contents[number % len(contents)])
        return servable.engine.run(pixels[None]).logits[0].softmax(0)

    expected = [ask(number) for number in range(len(contents))]
    with ThreadPoolExecutor(16) as callers:
        answers = callers.map(ask, range(800))
        for _ in range(3):
            make_servable(CUDA).run_once()
            servable.run_once()
        for number, answer in enumerate(answers):
            assert (answer - expected[number % len(contents)]).abs().max() < 0.001

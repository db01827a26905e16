"""Decoding on a device, with the CPU in place of a GPU: torchvision has one function for both."""

import pytest
import torch

from app.errors import DeviceUnavailable, ImageCorrupt
from app.ml.images.gpu_decoding import decode_jpeg_on, require_gpu_decoding
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels
from app.ml.images.resampling import Side, _plan
from app.ml.images.tensor_decoding import decode_pixels, decoded_pixels
from tests.unit.ml.test_tensor_decoding import OTHERS, PLAIN, encode, picture

CPU = torch.device("cpu")


@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN.keys())
def test_a_plain_jpeg_is_decoded_on_the_device(content: bytes) -> None:
    assert torch.equal(decode_jpeg_on(CPU, content), decode_pixels(content))


@pytest.mark.parametrize("content", (PLAIN | OTHERS).values(), ids=(PLAIN | OTHERS).keys())
def test_every_image_is_decoded(content: bytes) -> None:
    with decoded_pixels(content, device=CPU) as pixels:
        assert torch.equal(pixels, decode_pixels(content))


def test_pillow_has_the_last_word_on_what_the_device_cannot_decode() -> None:
    whole = PLAIN["4:2:0"]
    truncated = whole[: len(whole) // 2]
    with pytest.raises(ValueError, match="truncated"):
        decode_jpeg_on(CPU, truncated)
    with pytest.raises(ValueError, match="end marker"):
        decode_jpeg_on(CPU, whole + b"more")
    with pytest.raises(ImageCorrupt, match="truncated"), decoded_pixels(truncated, device=CPU):
        pass
    with decoded_pixels(whole + b"more", device=CPU) as pixels:
        assert torch.equal(pixels, decode_pixels(whole))


def test_the_weights_of_a_resize_are_on_the_device_of_the_image() -> None:
    meta = torch.device("meta")  # a device without values, in place of a GPU
    plan = _plan(Side(67, 40, 32), "bilinear", meta)
    assert (plan.taken.device, plan.weights.device) == (meta, meta)
    pixels = torch.empty(3, 45, 67, dtype=torch.uint8, device=meta)
    prepared = eval_pixels(pixels, PreprocessingSpec(input_size=32, resize_size=40))
    assert (prepared.device, prepared.shape) == (meta, (3, 32, 32))


def test_a_device_that_cannot_decode_is_refused() -> None:
    require = "GRAFT_PREDICT_DECODE_ON is 'gpu', but the device is 'cpu'; set .*=cpu, or use"
    with pytest.raises(DeviceUnavailable, match=require):
        require_gpu_decoding(CPU)


def test_an_image_decoded_on_the_device_is_prepared_like_others() -> None:
    spec = PreprocessingSpec(input_size=32, resize_size=40)
    content = encode(picture(size=(90, 70)))
    with decoded_pixels(content, device=CPU) as pixels:
        assert torch.equal(eval_pixels(pixels, spec), eval_pixels(decode_pixels(content), spec))

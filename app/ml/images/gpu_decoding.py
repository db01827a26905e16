"""Decode JPEGs on a GPU with nvJPEG, through torchvision."""

import io
import threading

import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from app.errors import DeviceUnavailable

decoding_lock = threading.Lock()
"""Held while nvJPEG decodes, which torchvision does for one image at a time anyway; and by whoever
captures a CUDA graph, because the stream of nvJPEG is one of the few that torch reuses.
"""

_END = b"\xff\xd9"


def decode_jpeg_on(device: torch.device, content: bytes) -> Tensor:
    """Decode a JPEG to uint8 [3, height, width] in the memory of a device, on CUDA with nvJPEG.

    Levels may differ from libjpeg-turbo's, which decodes on the CPU. Raises ValueError for a file
    that cannot be decoded there, or does not end with the marker EOI (ITU-T T.81, B.1): decoders
    may fill what is missing. Raises torch.OutOfMemoryError.
    """
    if not content.endswith(_END):
        raise ValueError("the JPEG may be truncated: it does not end with its end marker")
    encoded = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    try:
        with decoding_lock:
            pixels: Tensor = decode_jpeg(encoded, ImageReadMode.RGB, device)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    return pixels


def require_gpu_decoding(device: torch.device) -> None:
    """Raise DeviceUnavailable unless JPEGs can be decoded on the device; loads nvJPEG."""
    advice = "set GRAFT_PREDICT_DECODE_ON=cpu"
    if device.type != "cuda":
        raise DeviceUnavailable(
            f"GRAFT_PREDICT_DECODE_ON is 'gpu', but the device is '{device}'; {advice}, or use a "
            "machine with a CUDA device."
        )
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    try:
        decode_jpeg_on(device, buffer.getvalue())
    except ValueError as error:
        raise DeviceUnavailable(
            f"GRAFT_PREDICT_DECODE_ON is 'gpu', but torchvision cannot decode JPEGs there "
            f"({error}); {advice}, or install a torchvision that is built with nvJPEG."
        ) from error

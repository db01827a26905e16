import pytest
import torch
from torch import nn

from app.errors import DeviceUnavailable
from app.ml.runtime.device import choose_device, move_to_device


@pytest.mark.parametrize(
    ("name", "has_cuda", "expected"),
    [("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_the_device_of_each_name(
    monkeypatch: pytest.MonkeyPatch, name: str, has_cuda: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert choose_device(name).type == expected


def test_cuda_without_a_gpu_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceUnavailable):
        choose_device("cuda")


def test_a_moved_models_images_have_their_channels_last_and_volumes_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv3d(1, 4, (1, 7, 7)), nn.Linear(4, 2))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    move_to_device(model, torch.device("cpu"))
    after = model.state_dict()
    assert after["0.weight"].is_contiguous(memory_format=torch.channels_last)
    assert after["1.weight"].is_contiguous()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())

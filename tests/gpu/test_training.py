"""Training on CUDA devices."""

import pytest
import torch

from app.errors import DeviceUnavailable
from app.ml.images.augmentation import AugmentationSeed, draw_crop_parameters
from app.ml.images.crops import ImageLocation, crop_batch
from app.ml.images.preprocessing import PreprocessingSpec, to_pixels
from app.ml.recipe import TutorialAugmentation
from tests.images import draw_picture
from tests.unit.training.conftest import MakeConfig
from tests.unit.training.runs import epochs_of, history_of, started, train, trained

pytestmark = pytest.mark.gpu

CUDA = {"device": "cuda", "image_cache_bytes": 10**8}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "auto"])
def test_a_job_trains_from_images_on_the_device(make_config: MakeConfig, precision: str) -> None:
    config = make_config(
        architecture="resnet18", input_size=64, precision=precision, config=CUDA, num_train=40
    )
    said = train(config)
    assert started(said).resolved.device == "cuda"
    assert started(said).resolved.images_on == "device"
    assert started(said).environment["device_name"]
    assert trained(said)


def test_a_frozen_trunk_is_run_once(make_config: MakeConfig) -> None:
    config = make_config(strategy="feature_extract", head="linear", cached_views=2, config=CUDA)
    assert trained(train(config))


def test_the_same_job_gives_the_same_history(make_config: MakeConfig) -> None:
    def learn(prefix: str) -> list[dict[str, object]]:
        config = {**CUDA, "key_prefix": f"jobs/job_1/{prefix}"}
        return history_of(train(make_config(architecture="resnet18", input_size=64, config=config)))

    assert learn("1") == learn("2")


def test_the_device_learns_what_the_cpu_learns(make_config: MakeConfig) -> None:
    def learn(device: str) -> float:
        config = {**CUDA, "device": device, "key_prefix": f"jobs/job_1/{device}"}
        case = make_config(
            architecture="resnet18",
            input_size=64,
            batch_norm="eval",
            augmentation={"name": "none"},
            epochs=1,
            config=config,
        )
        return epochs_of(train(case))[0].train_loss

    assert learn("cuda") == pytest.approx(learn("cpu"), rel=1e-2)


def test_crops_are_those_of_the_cpu() -> None:
    spec = PreprocessingSpec(input_size=64, resize_size=64)
    image = to_pixels(draw_picture(size=(200, 150)))
    pixels = image.permute(1, 2, 0).reshape(-1, 3)
    views = [
        draw_crop_parameters(200, 150, TutorialAugmentation(), AugmentationSeed(0, 1, number))
        for number in range(9)
    ]
    places = [ImageLocation(0, 200)] * len(views)
    on_cpu = crop_batch(pixels, places, views, spec)
    on_cuda = crop_batch(pixels.cuda(), places, views, spec)
    assert on_cuda.device.type == "cuda"
    assert (on_cuda.cpu().int() - on_cpu.int()).abs().max() <= 1


def test_more_processes_than_devices_are_refused(make_config: MakeConfig) -> None:
    config = {**CUDA, "num_processes": torch.cuda.device_count() + 1}
    with pytest.raises(DeviceUnavailable, match="GRAFT_NUM_PROCESSES"):
        train(make_config(batch_size=64, num_train=128, config=config))


@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_two_devices_learn_what_one_does(make_config: MakeConfig, batch_norm: str) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there are fewer than two CUDA devices")

    def learn(num_processes: int) -> list[float]:
        config = {
            **CUDA,
            "num_processes": num_processes,
            "key_prefix": f"jobs/job_1/{num_processes}",
        }
        case = make_config(
            architecture="resnet18",
            input_size=64,
            num_train=32,
            batch_size=16,
            batch_norm=batch_norm,
            optimizer={"name": "sgd", "learning_rate": 1e-4},
            config=config,
        )
        return [row.train_loss for row in epochs_of(train(case))]

    assert learn(2) == pytest.approx(learn(1), rel=1e-3)

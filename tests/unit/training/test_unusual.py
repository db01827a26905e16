"""Datasets that are seldom tried: jobs must get through them."""

import math
from functools import cache

import numpy as np
import pytest
from PIL import Image

from tests.images import draw_picture, encode
from tests.unit.training.conftest import CLASS_NAMES, SMALL_WITH_BATCH_NORM, MakeConfig, Picture
from tests.unit.training.runs import epochs_of, started, train, trained

STEPPED: dict[str, object] = {"strategy": "fine_tune", "epochs": 1}
SOLVED: dict[str, object] = {
    "strategy": "feature_extract",
    "head": "linear",
    "batch_norm": "eval",
    "cached_views": 1,
    "optimizer": {"name": "lbfgs", "l2_strengths": [1.0, 0.1]},
    "epochs": 2,
    "augmentation": {"name": "none"},
}
VIEWED: dict[str, object] = {
    "strategy": "feature_extract",
    "head": "linear",
    "batch_norm": "eval",
    "cached_views": 2,
    "epochs": 2,
}
RECIPES = {"in steps": STEPPED, "solved": SOLVED, "on cached views": VIEWED}


@cache
def drawn(number: int, size: tuple[int, int] = (20, 20)) -> bytes:
    return encode(draw_picture(seed=number, size=size))


def grey(number: int, mode: str) -> bytes:
    levels = np.random.default_rng(number).integers(0, 256, (30, 40), dtype=np.uint8)
    image = Image.fromarray(levels)
    if mode == "I;16":
        image = Image.fromarray(levels.astype(np.uint16) * 257)
        assert image.mode == "I;16"
    return encode(image if mode in {"L", "I;16"} else image.convert(mode))


def pictures_of(*contents: bytes, num_val: int = 4) -> list[Picture]:
    """Training images of two classes in turn; the last ones validate."""
    num_train = len(contents) - num_val
    return [
        ("train" if number < num_train else "val", CLASS_NAMES[number % 2], content)
        for number, content in enumerate(contents)
    ]


def check(make_config: MakeConfig, **fields: object) -> None:
    said = train(make_config(**fields))
    assert trained(said).model_digest
    for row in epochs_of(said):
        assert math.isfinite(row.train_loss)
        assert math.isfinite(row.val_loss)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize(
    "sizes",
    [
        [(20, 20)] * 9,
        [(1, 1)] * 9,
        [(1, 200), (200, 1), (31, 33), (2, 2), (500, 40)] * 2,
    ],
    ids=["smaller than the crop", "single pixels", "of all shapes"],
)
def test_images_of_any_size_train(
    make_config: MakeConfig, recipe: dict[str, object], sizes: list[tuple[int, int]]
) -> None:
    contents = [drawn(number, size) for number, size in enumerate(sizes)]
    check(make_config, pictures=pictures_of(*contents), **recipe)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_grey_deep_and_transparent_images_train(
    make_config: MakeConfig, recipe: dict[str, object]
) -> None:
    modes = ["L", "I;16", "1", "P", "RGBA", "LA", "L", "I;16", "RGB", "L"]
    contents = [grey(number, mode) for number, mode in enumerate(modes)]
    check(make_config, pictures=pictures_of(*contents), **recipe)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_class_of_one_image_trains(make_config: MakeConfig, recipe: dict[str, object]) -> None:
    pictures = pictures_of(*(drawn(number) for number in range(12)))
    pictures.append(("train", "one", drawn(99)))
    for balance in ("none", "loss", "sampling"):
        if recipe is not SOLVED or balance == "none":
            config = {"key_prefix": f"jobs/{balance}"}
            check(make_config, pictures=pictures, class_balance=balance, config=config, **recipe)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("where", ["train", "val"])
def test_a_class_may_be_absent_from_a_split(
    make_config: MakeConfig, recipe: dict[str, object], where: str
) -> None:
    pictures = pictures_of(*(drawn(number) for number in range(12)))
    other: Picture = ("val" if where == "train" else "train", "rare", drawn(99))
    check(make_config, pictures=[*pictures, other], **recipe)


@pytest.mark.parametrize("architecture", ["squeezenet1_0", SMALL_WITH_BATCH_NORM])
@pytest.mark.parametrize("num_train", [2, 3, 5, 9])
def test_a_last_batch_of_one_trains(
    make_config: MakeConfig, architecture: str, num_train: int
) -> None:
    check(
        make_config,
        architecture=architecture,
        num_train=num_train,
        num_val=1,
        batch_size=4,
        epochs=1,
        accumulate=2,
        mixing={"name": "cutmix"},
    )


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_thousand_classes_train(make_config: MakeConfig, recipe: dict[str, object]) -> None:
    pictures: list[Picture] = [
        ("train", f"class-{number % 1000:04}", drawn(number, (8, 6))) for number in range(1100)
    ]
    pictures += [("val", f"class-{number:04}", drawn(5000 + number, (8, 6))) for number in range(9)]
    if recipe is SOLVED:  # one strong penalty is solved for in no time
        recipe = recipe | {"epochs": 1, "optimizer": {"name": "lbfgs", "l2_strengths": [1000.0]}}
    config = make_config(pictures=pictures, batch_size=256, input_size=24, **recipe)
    assert len(config.class_names) == 1000
    said = train(config)
    num_trained = started(said).resolved.num_trainable_parameters
    assert num_trained is not None
    assert num_trained >= 513 * 1000
    assert trained(said).model_digest

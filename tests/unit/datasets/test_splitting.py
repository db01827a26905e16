"""Splitting the images of an upload without splits."""

import pytest

from app.datasets.splitting import num_val_images, split_train_val


@pytest.mark.parametrize(
    ("num_images", "val_fraction", "expected"),
    [
        (10, 0.2, 2),
        (12, 0.2, 2),
        (13, 0.2, 3),
        (5, 0.1, 1),
        (15, 0.1, 2),
        (100, 0.145, 15),
        (2, 0.01, 1),
        (2, 0.9, 1),
        (3, 0.9, 2),
        (1, 0.9, 0),
        (1, 0.2, 0),
    ],
)
def test_the_fraction_is_rounded_half_up_with_at_least_one_image_in_each_split(
    num_images: int, val_fraction: float, expected: int
) -> None:
    assert num_val_images(num_images, val_fraction) == expected


IMAGES = [(f"{name}/{n}.jpg", name, f"{name}{n}") for name in ("ants", "bees") for n in range(50)]


def val_paths(images: list[tuple[str, str, str]], seed: int = 0) -> set[str]:
    splits = split_train_val(images, val_fraction=0.2, split_seed=seed)
    assert splits.keys() == {path for path, _, _ in images}
    return {path for path, split in splits.items() if split == "val"}


def test_the_split_is_stratified() -> None:
    chosen = val_paths(IMAGES)
    assert sum(path.startswith("ants") for path in chosen) == 10
    assert sum(path.startswith("bees") for path in chosen) == 10


def test_the_order_of_the_archive_does_not_matter() -> None:
    assert val_paths(IMAGES[::-1]) == val_paths(IMAGES[1::2] + IMAGES[::2]) == val_paths(IMAGES)


def test_file_names_do_not_matter() -> None:
    renamed = [(f"data/{path}", name, sha256) for path, name, sha256 in IMAGES]
    assert val_paths(renamed) == {f"data/{path}" for path in val_paths(IMAGES)}


def test_another_seed_gives_another_split() -> None:
    assert val_paths(IMAGES, seed=1) != val_paths(IMAGES, seed=0)


def test_the_split_of_a_class_does_not_depend_on_other_classes() -> None:
    ants = [image for image in IMAGES if image[1] == "ants"]
    assert val_paths(ants) == {path for path in val_paths(IMAGES) if path.startswith("ants")}

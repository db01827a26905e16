import pytest
import torch
from torch import Tensor

from app.ml.recipe import CutMix, Mixing, MixUp
from worker.training.mixing import mix

SIZE = 32
TARGETS = torch.tensor([0, 1, 2, 3, 4, 5])


def flat_images() -> Tensor:
    """Images of one level each, which is their class."""
    return TARGETS.float().view(-1, 1, 1, 1).expand(-1, 3, SIZE, SIZE + 8).clone()


@pytest.mark.parametrize("mixing", [MixUp(alpha=1.0), CutMix(alpha=1.0)])
@pytest.mark.parametrize("seed", range(20))
def test_labels_are_shared_as_the_images_are(mixing: Mixing, seed: int) -> None:
    images, labels = mix((flat_images(), TARGETS), mixing, 7, seed)
    assert images.shape == (6, 3, SIZE, SIZE + 8)
    assert labels.shape == (6, 7)
    assert labels.sum(1).tolist() == pytest.approx([1.0] * 6)
    neighbours = TARGETS.roll(1)
    own = labels[torch.arange(6), TARGETS]
    assert torch.allclose(own + labels[torch.arange(6), neighbours], torch.ones(6))
    assert len(set(own.tolist())) == 1
    levels = own * TARGETS + (1 - own) * neighbours
    assert torch.allclose(images.mean((1, 2, 3)), levels, atol=1e-4)


def test_mixup_overlays_whole_images() -> None:
    images, _ = mix((flat_images(), TARGETS), MixUp(alpha=1.0), 6, 3)
    assert torch.allclose(images, images[:, :1, :1, :1].expand_as(images), atol=1e-6)
    assert not torch.allclose(images, flat_images())


def test_cutmix_pastes_a_box_and_changes_nothing_else() -> None:
    cut = 0
    for seed in range(20):
        images, _ = mix((flat_images(), TARGETS), CutMix(alpha=1.0), 6, seed)
        pasted = images[3, 0] == 2.0
        assert ((images[3, 0] == 3.0) | pasted).all()
        rows, columns = pasted.any(1), pasted.any(0)
        assert pasted.sum() == rows.sum() * columns.sum(), "a box"
        cut += int(pasted.any())
    assert cut > 10


def test_mixing_is_a_function_of_its_seed_and_leaves_its_input_alone() -> None:
    given = flat_images()
    one, other, again = (mix((given, TARGETS), CutMix(), 6, seed) for seed in (1, 2, 1))
    assert torch.equal(one[0], again[0])
    assert not torch.equal(one[1], other[1])
    assert torch.equal(given, flat_images())


def test_the_share_follows_its_law() -> None:
    """Beta(0.2, 0.2) is mostly near 0 or 1; Beta(10, 10) near a half."""

    def shares(alpha: float) -> Tensor:
        mixed = [mix((flat_images(), TARGETS), MixUp(alpha=alpha), 6, seed) for seed in range(200)]
        return torch.stack([labels[0, 0] for _, labels in mixed])

    assert ((shares(0.2) < 0.1) | (shares(0.2) > 0.9)).double().mean() > 0.6
    assert ((shares(10.0) - 0.5).abs() < 0.25).double().mean() > 0.9


def test_a_lone_image_is_mixed_with_itself() -> None:
    images, labels = mix((flat_images()[:1], TARGETS[:1]), CutMix(), 6, 0)
    assert torch.equal(images, flat_images()[:1])
    assert labels[0].tolist() == pytest.approx([1.0, 0, 0, 0, 0, 0])

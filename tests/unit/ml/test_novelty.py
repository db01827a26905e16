import math

import pytest
import torch

from app.ml.trust import novelty
from app.ml.trust.novelty import count_kept, find_limit, measure_distances, to_unit_length


def test_the_distance_is_that_of_the_kth_nearest_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "NUM_NEAREST", 5)
    angles = torch.tensor([10.0, 20, 30, 40, 50, 60, 70]).deg2rad()
    neighbours = torch.stack([angles.cos(), angles.sin()], 1)
    feature = torch.tensor([[3.0, 0.0]])  # 0 degrees, of whatever length
    expected = 2 * math.sin(math.radians(50) / 2)
    assert measure_distances(feature, neighbours).item() == pytest.approx(expected, abs=1e-6)
    two = 2 * math.sin(math.radians(20) / 2)
    assert measure_distances(feature, neighbours[:2]).item() == pytest.approx(two, abs=1e-6)


def test_far_features_exceed_the_limit_and_in_distribution_ones_rarely() -> None:
    random = torch.Generator().manual_seed(0)
    centre = torch.zeros(64)
    centre[0] = 8.0
    familiar = centre + torch.randn(1500, 64, generator=random)
    neighbours = to_unit_length(familiar[:500])
    limit = find_limit(measure_distances(familiar[500:1000], neighbours).sort().values)
    assert limit is not None
    share = (measure_distances(familiar[1000:], neighbours) > limit).float().mean().item()
    assert share == pytest.approx(0.05, abs=0.03)
    assert (measure_distances(-familiar[:50], neighbours) > limit).all()


def test_too_few_validation_images_give_no_limit() -> None:
    assert find_limit(torch.arange(18.0)) is None
    assert find_limit(torch.arange(19.0)) == 18.0
    assert find_limit(torch.arange(100.0)) == 95.0


def test_zero_features_stay_zero() -> None:
    distance = measure_distances(torch.zeros(1, 4), torch.eye(4))
    assert distance.item() == pytest.approx(math.sqrt(2))


def test_the_number_of_stored_images_is_limited_but_covers_every_class() -> None:
    assert count_kept(512, 2) == 2000
    assert count_kept(4096, 2) == 256
    assert count_kept(4096, 1000) == 1000
    assert count_kept(4096, 10**6) == 2000

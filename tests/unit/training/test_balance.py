"""`class_balance: auto` weighs rare classes where cross-validation says that it pays."""

import pytest
import torch
from torch import Tensor

from app.jobs.schemas import ResolvedClassBalance
from tests.unit.training.conftest import MakeConfig, Picture, picture
from tests.unit.training.runs import epochs_of, history_of, started, train
from tests.unit.training.test_solve import make_solved
from worker.training.balance import Balance, choose_balance
from worker.training.objective import weigh_classes


def make_clouds(*counts: int, distance: float = 1.0) -> tuple[Tensor, Tensor]:
    """Overlapping clouds of points, one for each class."""
    random = torch.Generator().manual_seed(0)
    targets = torch.cat([torch.full((n,), label) for label, n in enumerate(counts)])
    centres = torch.eye(len(counts), 8) * distance
    return torch.randn(len(targets), 8, generator=random) + centres[targets], targets


def choose(features: Tensor, targets: Tensor) -> tuple[Balance, ResolvedClassBalance]:
    balance = choose_balance(
        features, targets, num_classes=int(targets.max()) + 1, l2_strengths=(1.0, 0.1)
    )
    assert balance.resolved is not None
    return balance, balance.resolved


def test_rare_classes_are_weighed_and_the_price_is_told() -> None:
    features, targets = make_clouds(300, 20)
    balance, resolved = choose(features, targets)
    assert resolved.chosen == "loss"
    assert resolved.imbalance == 15
    without, with_ = resolved.without_weights, resolved.with_weights
    assert without is not None
    assert with_ is not None
    assert with_.cv_balanced_accuracy > without.cv_balanced_accuracy + 0.05
    assert with_.cv_accuracy < without.cv_accuracy
    assert balance.class_weights is not None
    assert torch.equal(balance.class_weights, weigh_classes(targets, 2))
    rare = balance.best.head(features).argmax(1)[targets == 1]
    assert (rare == 1).float().mean() > 0.5


@pytest.mark.parametrize(
    ("counts", "distance"), [((40, 38), 1.0), ((90, 30), 30.0)], ids=["equal", "told apart anyway"]
)
def test_weights_that_bring_nothing_are_left_out(counts: tuple[int, ...], distance: float) -> None:
    balance, resolved = choose(*make_clouds(*counts, distance=distance))
    assert resolved.chosen == "none"
    assert balance.class_weights is None


def test_single_images_decide_nothing() -> None:
    _, resolved = choose(*make_clouds(1, 1, 1))
    assert resolved.chosen == "none"
    assert resolved.without_weights is None


def list_unequal(num_dark: int, num_light: int) -> list[Picture]:
    pictures: list[Picture] = [("train", "dark", picture("dark", n)) for n in range(num_dark)]
    pictures += [("train", "light", picture("light", n)) for n in range(num_light)]
    pictures += [
        ("val", name, picture(name, 500 + n)) for n in range(4) for name in ("dark", "light")
    ]
    return pictures


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {
            "strategy": "fine_tune",
            "optimizer": {"name": "sgd", "learning_rate": 1e-6},
            "epochs": 1,
            "cached_views": None,
            "head_start": "linear_probe",
        },
    ],
    ids=["the head", "all layers"],
)
def test_a_job_trains_with_the_weights_that_were_chosen(
    make_config: MakeConfig, fields: dict[str, object]
) -> None:
    messages = []

    def run(class_balance: str) -> list[dict[str, object]]:
        config = make_solved(
            make_config,
            "shufflenet_v2_x0_5",
            class_balance=class_balance,
            pictures=list_unequal(40, 8),
            **fields,
        )
        messages.append(train(config))
        return history_of(messages[-1])

    automatic = run("auto")
    resolved = started(messages[0]).resolved.class_balance
    assert resolved is not None
    assert resolved.imbalance == 5
    assert automatic == run(resolved.chosen)
    assert automatic != run("loss" if resolved.chosen == "none" else "none")
    assert started(messages[1]).resolved.class_balance is None


def test_two_processes_follow_the_same_decision(make_config: MakeConfig) -> None:
    def learn(num_processes: int) -> list[float]:
        config = make_config(
            architecture="shufflenet_v2_x0_5",
            strategy="fine_tune",
            batch_norm="eval",
            head="linear",
            head_start="linear_probe",
            class_balance="auto",
            optimizer={"name": "sgd", "learning_rate": 1e-5},
            pictures=list_unequal(18, 6),
            config={"num_processes": num_processes, "key_prefix": f"jobs/job_1/{num_processes}"},
        )
        said = train(config)
        assert started(said).resolved.class_balance is not None
        return [row.val_loss for row in epochs_of(said)]

    assert learn(2) == pytest.approx(learn(1), rel=1e-4)

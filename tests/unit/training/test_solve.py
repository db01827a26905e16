"""Jobs that solve for their head."""

import pytest
import torch
from torch import nn

from app.errors import TooFewImages
from app.ml.images.preprocessing import normalize
from app.ml.models import checkpoint
from app.ml.models.catalogue import ArchitectureSpec
from app.storage import LocalStorage
from tests.unit.training.conftest import SMALL_WITH_BATCH_NORM, MakeConfig, list_pictures
from tests.unit.training.runs import (
    checkpoints_of,
    epochs_of,
    history_of,
    started,
    store_untrained,
    train,
    trained,
)
from worker.training.config import Resume, TrainingConfig
from worker.training.frozen import extract_backbone
from worker.training.head import Solution, solve_path
from worker.training.objective import weigh_classes
from worker.training.preparation import prepare
from worker.training.setup import TrainingContext, TrainingSetup

STRENGTHS = (300.0, 1.0, 0.1, 0.001)


def make_solved(
    make_config: MakeConfig, architecture: str = "squeezenet1_0", **changes: object
) -> TrainingConfig:
    strengths = changes.pop("l2_strengths", STRENGTHS)
    assert isinstance(strengths, tuple)
    fields: dict[str, object] = {
        "architecture": architecture,
        "strategy": "feature_extract",
        "head": "linear",
        "batch_norm": "eval",
        "cached_views": 1,
        "optimizer": {"name": "lbfgs", "l2_strengths": strengths, "folds": 3},
        "epochs": len(strengths),
        "augmentation": {"name": "none"},
        "num_train": 24,
    }
    return make_config(**fields | changes)


@pytest.fixture
def setups(monkeypatch: pytest.MonkeyPatch) -> list[TrainingSetup]:
    """The setups of the jobs that are run."""
    made: list[TrainingSetup] = []

    def prepare_and_keep(context: TrainingContext) -> TrainingSetup:
        setup = prepare(context)
        made.append(setup)
        return setup

    monkeypatch.setattr("worker.training.run.prepare", prepare_and_keep)
    return made


def solve_again(setup: TrainingSetup) -> list[Solution]:
    activations = setup.activations
    assert activations is not None
    return list(
        solve_path(
            activations.views[0],
            activations.train_targets,
            num_classes=2,
            l2_strengths=STRENGTHS,
            folds=3,
        )
    )


def test_each_strength_is_a_row_without_a_learning_rate(
    make_config: MakeConfig, setups: list[TrainingSetup]
) -> None:
    said = train(make_solved(make_config))
    rows = epochs_of(said)
    assert [row.epoch for row in rows] == [1, 2, 3, 4]
    assert {row.learning_rate for row in rows} == {None}
    losses = [row.train_loss for row in rows]
    assert losses == sorted(losses, reverse=True), "the weaker the penalty, the closer the fit"
    assert all(row.seconds > 0 for row in rows)
    assert [s.l2_strength for s in solve_again(setups[0])] == list(STRENGTHS)
    assert started(said).resolved.num_trainable_parameters == 1026


@pytest.mark.parametrize("architecture", ["squeezenet1_0", SMALL_WITH_BATCH_NORM])
def test_the_strength_with_the_lowest_cross_validated_loss_is_kept(
    make_config: MakeConfig, storage: LocalStorage, setups: list[TrainingSetup], architecture: str
) -> None:
    pictures = list_pictures(24, 10)
    pictures.append(("val", "light", pictures[1][2]))  # a wrong label, so that classes differ
    said = train(make_solved(make_config, architecture, pictures=pictures))
    path = solve_again(setups[0])
    losses = [solution.cv_loss for solution in path]
    assert None not in losses
    best = losses.index(min(loss for loss in losses if loss is not None)) + 1
    assert trained(said).best_epoch == best
    assert [row.epoch for row in epochs_of(said) if row.is_best][-1] == best
    kept = checkpoint.load(storage.path(trained(said).model_key))
    model, header = checkpoint.restore_model(kept)
    head = "classifier.1" if architecture == "squeezenet1_0" else "fc"
    weight, bias = (kept.tensors[f"{head}.{name}"] for name in ("weight", "bias"))
    assert torch.allclose(weight.flatten(1), path[best - 1].head.weight, atol=1e-6)
    assert torch.allclose(bias, path[best - 1].head.bias, atol=1e-6)
    assert header.build_arguments.get("final_relu") is (
        False if architecture == "squeezenet1_0" else None
    )
    rows = epochs_of(said)
    feed = setups[0].images
    pixels = torch.stack([feed.read_plain(sample) for sample in feed.splits.val])
    targets = torch.tensor([sample.target for sample in feed.splits.val])
    with torch.inference_mode():
        labels = model(normalize(pixels, feed.spec)).argmax(1)
    right = (labels == targets).double().mean().item()
    assert right == pytest.approx(rows[best - 1].val_accuracy)
    report = trained(said).report
    assert report is not None
    assert report.cross_validation is not None
    assert report.cross_validation.num_images == 24
    assert rows[best - 1].val_balanced_accuracy == report.balanced_accuracy != report.accuracy


def test_the_best_validation_accuracy_does_not_decide(
    make_config: MakeConfig, setups: list[TrainingSetup]
) -> None:
    """The strength is chosen on the training images alone, so that validation stays untouched."""
    chosen = {}
    for seed in (0, 2):
        said = train(make_solved(make_config, seed=seed, config={"key_prefix": f"jobs/a/{seed}"}))
        rows = epochs_of(said)
        losses = [solution.cv_loss or 0.0 for solution in solve_again(setups[-1])]
        best = trained(said).best_epoch
        assert losses[best - 1] == min(losses)
        by_validation = max(rows, key=lambda row: row.val_accuracy).epoch
        chosen[seed] = (best, by_validation)
    assert any(best != other for best, other in chosen.values()), "the case needs them to differ"


def test_a_solved_job_taken_up_again_equals_an_undisturbed_one(make_config: MakeConfig) -> None:
    whole = train(make_solved(make_config))
    for num_done in (1, 3):
        resume = Resume(epoch=num_done, state_key=checkpoints_of(whole)[num_done - 1].state_key)
        config = {"key_prefix": f"jobs/job_1/{num_done}", "resume": resume}
        rest = train(make_solved(make_config, config=config))
        assert history_of(rest) == history_of(whole)[num_done:]
        assert trained(rest).best_epoch == trained(whole).best_epoch
        assert trained(rest).model_digest == trained(whole).model_digest
        assert trained(rest).report == trained(whole).report


def test_the_seed_does_not_decide(make_config: MakeConfig, storage: LocalStorage) -> None:
    """Convex on the same features: the backbone is an earlier model's, so the seed has no part."""
    key, _ = store_untrained(storage, make_config(head="linear"))
    earlier = {"base_model_key": key}
    histories = []
    for seed in (0, 1):
        changed = earlier | {"key_prefix": f"jobs/seed/{seed}"}
        said = train(make_solved(make_config, seed=seed, weights="base:1", config=changed))
        histories.append(history_of(said))
    assert histories[0] == histories[1]


def test_one_image_a_class_needs_a_single_strength(make_config: MakeConfig) -> None:
    with pytest.raises(TooFewImages, match="single"):
        train(make_solved(make_config, num_train=2))
    said = train(make_solved(make_config, num_train=2, l2_strengths=(0.1,)))
    assert [row.is_best for row in epochs_of(said)] == [True]


def test_the_backbone_runs_once_on_each_image(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def cut(model: nn.Module, entry: ArchitectureSpec) -> nn.Module:
        front = extract_backbone(model, entry)
        front.register_forward_hook(lambda _, images, __: seen.append(len(images[0])))
        return front

    monkeypatch.setattr("worker.training.frozen.extract_backbone", cut)
    train(make_solved(make_config))
    assert sum(seen) == 24 + 6


@pytest.mark.parametrize("class_names", [["dark", "light"], ["dark", "other"]])
def test_an_earlier_models_relu_makes_way_for_a_linear_head(
    make_config: MakeConfig, storage: LocalStorage, class_names: list[str]
) -> None:
    base = make_config(head="torchvision")
    key, _ = store_untrained(storage, base, class_names=class_names)
    said = train(make_solved(make_config, weights="base:1", config={"base_model_key": key}))
    kept = checkpoint.load(storage.path(trained(said).model_key))
    model, _ = checkpoint.restore_model(kept)
    scores = model(torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert (scores < 0).any(), "no ReLU is left"


def test_balanced_classes_give_the_rare_one_more_recall(make_config: MakeConfig) -> None:
    """A quarter of the images are of class 1, and the clouds overlap."""
    random = torch.Generator().manual_seed(0)
    targets = (torch.arange(400) % 4 == 0).long()
    features = torch.randn(400, 8, generator=random) + targets[:, None] * 0.5
    recall = {}
    for weights in (None, weigh_classes(targets, 2)):
        (solution,) = solve_path(
            features, targets, num_classes=2, l2_strengths=[0.1], class_weights=weights
        )
        found = solution.head(features).argmax(1)
        recall[weights is not None] = float((found[targets == 1] == 1).float().mean())
    assert recall[True] > recall[False] + 0.1
    config = make_solved(make_config, class_balance="loss")
    assert history_of(train(config)) == history_of(train(config))

"""The whole report of a checkpoint."""

from pathlib import Path

import pytest
import torch

from app.errors import Diverged
from app.jobs.report_schemas import MAX_MISTAKES, Report
from app.ml.trust.trust_file import Trust
from app.predictions.postprocess import postprocess
from app.predictions.schemas import PredictOptions
from worker.training.data import Sample
from worker.training.evaluation.evaluate import COVERAGES, evaluate, list_mistakes, measure_coverage
from worker.training.evaluation.scored import Scored
from worker.training.trust import measure_conformity


def draw(num_images: int, num_classes: int, *, seed: int = 0, per_class: int = 0) -> Scored:
    random = torch.Generator().manual_seed(seed)
    targets = torch.randint(num_classes, (num_images,), generator=random)
    if per_class:
        targets = torch.arange(num_images) // per_class
    logits = torch.randn(num_images, num_classes, generator=random)
    logits[torch.arange(num_images), targets] += 2
    ids = list(range(1, num_images + 1))
    return Scored(ids, [f"val/{number}.jpg" for number in ids], targets, logits)


def names(num_classes: int) -> list[str]:
    return [f"class {number}" for number in range(num_classes)]


def test_a_report_survives_its_way_as_json() -> None:
    report = evaluate(names(3), draw(50, 3), test=draw(20, 3, seed=1), out_of_fold=draw(60, 3))
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert report.test is not None
    assert (report.num_images, report.test.num_images) == (50, 20)
    assert report.class_names == names(3)
    assert report.calibration.error_after is not None
    assert report.calibration.curve_after is not None
    assert sum(part.num_images for part in report.calibration.curve_after) == 50
    assert report.label_check.num_images == 60
    assert report.cross_validation is not None


def test_the_test_split_changes_nothing_else() -> None:
    val = draw(50, 3)
    with_test = evaluate(names(3), val, test=draw(20, 3, seed=1), out_of_fold=None)
    without = evaluate(names(3), val, test=None, out_of_fold=None)
    assert without.test is None
    assert without.cross_validation is None
    assert with_test.model_copy(update={"test": None}) == without


def answer(right: int, wrong: int, target: int = 0) -> Scored:
    """Images of one of two classes, of which so many are predicted correctly."""
    num_images = right + wrong
    targets = torch.full((num_images,), target)
    predicted = torch.tensor([target] * right + [1 - target] * wrong)
    logits = torch.nn.functional.one_hot(predicted, 2).float()
    ids = list(range(1, num_images + 1))
    return Scored(ids, [str(number) for number in ids], targets, logits)


def join(one: Scored, other: Scored) -> Scored:
    return Scored(
        one.image_ids + other.image_ids,
        one.paths + other.paths,
        torch.cat([one.targets, other.targets]),
        torch.cat([one.logits, other.logits]),
    )


@pytest.mark.parametrize(
    ("val", "held_out", "warns"),
    [
        (answer(140, 60), answer(380, 20), True),
        (answer(380, 20), answer(140, 60), False),
        (answer(7, 3), answer(19, 1), False),
        (answer(19_700, 300), answer(39_800, 200), False),
        # Overall 0.9 against 0.6, but each class is as easy in both splits.
        (
            join(answer(100, 0), answer(20, 80, target=1)),
            join(answer(350, 0), answer(10, 40, target=1)),
            False,
        ),
    ],
    ids=["lower", "higher", "few images", "less than two points", "other class sizes"],
)
def test_a_validation_split_that_is_harder_is_noticed(
    val: Scored, held_out: Scored, *, warns: bool
) -> None:
    found = evaluate(names(2), val, test=None, out_of_fold=held_out).cross_validation
    assert found is not None
    assert found.num_images == len(held_out)
    assert (found.warning is not None) == warns
    low, high = found.accuracy_interval
    assert low <= found.accuracy <= high
    if warns:
        assert "0.700" in (found.warning or "")
        assert "0.950" in (found.warning or "")


def test_one_image_is_enough() -> None:
    report = evaluate(names(2), draw(1, 2), test=None, out_of_fold=None)
    assert report.num_images == 1
    assert report.calibration.error_after is None
    assert report.calibration.curve_after is None
    assert report.coverage_curve is None


def test_a_thousand_classes_of_one_image_each() -> None:
    val = draw(1000, 1000, per_class=1)
    report = evaluate(names(1000), val, test=None, out_of_fold=val)
    assert len(report.per_class) == len(report.confusion_matrix) == 1000
    assert {figures.support for figures in report.per_class} == {1}
    assert report.label_check.suspects is None


def test_the_surest_mistakes_come_first() -> None:
    logits = torch.tensor([[4.0, 0.0], [1.0, 0.0], [0.0, 3.0], [9.0, 0.0]])
    scored = Scored([5, 6, 7, 8], ["e", "f", "g", "h"], torch.tensor([1, 1, 0, 0]), logits)
    mistakes = list_mistakes(["ants", "bees"], scored)
    assert [(one.image_id, one.path, one.label, one.predicted) for one in mistakes] == [
        (5, "e", "bees", "ants"),
        (7, "g", "ants", "bees"),
        (6, "f", "bees", "ants"),
    ]
    assert mistakes[0].probability == pytest.approx(float(torch.tensor(4.0).sigmoid()))
    many = draw(500, 5)
    assert len(list_mistakes(names(5), many)) == MAX_MISTAKES


def test_label_sets_grow_with_the_coverage() -> None:
    curve = measure_coverage(draw(400, 5))
    assert curve is not None
    assert tuple(point.coverage for point in curve) == COVERAGES
    sizes = [point.mean_set_size for point in curve]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    assert 2 < sizes[-1] < 5
    shares = [point.share_abstained for point in curve]
    assert shares == sorted(shares)
    for point in curve:
        assert point.coverage <= point.share_covered <= point.coverage + 0.3
        assert point.share_abstained <= point.mean_set_size - 1 + 1e-9


def test_the_coverage_curve_is_that_of_the_sets_of_serving() -> None:
    """The sets that serving makes of the same images, one by one, with the stored trust file."""
    val = draw(60, 4)
    assert val.calibrated.across is not None
    options = PredictOptions(coverage=0.9)
    trust = Trust(1.0, measure_conformity(val), torch.eye(4), torch.ones(60))
    sets = [
        postprocess(logits, torch.ones(4), names(4), trust, options).prediction_set
        for logits in val.calibrated.across
    ]
    labels = [one.labels for one in sets if one is not None]
    curve = measure_coverage(val)
    assert curve is not None
    (point,) = [point for point in curve if point.coverage == 0.9]
    assert point.mean_set_size == pytest.approx(sum(map(len, labels)) / 60)
    assert point.share_abstained == sum(len(one) > 1 for one in labels) / 60
    is_covered = [
        f"class {target}" in one for target, one in zip(val.targets.tolist(), labels, strict=True)
    ]
    assert point.share_covered == sum(is_covered) / 60
    assert 0 < point.share_abstained < 1


def test_too_few_images_for_a_coverage_give_all_labels() -> None:
    curve = measure_coverage(draw(30, 3))
    assert curve is not None
    last = curve[-1]
    assert (last.mean_set_size, last.share_abstained, last.share_covered) == (3, 1, 1)


def test_samples_are_named_as_in_the_archive() -> None:
    samples = [Sample(7, Path("a"), 1, 8, 8), Sample(3, Path("b"), 0, 8, 8)]
    logits = torch.tensor([[0.0, 1.0], [0.0, 2.0]])
    scored = Scored.of(samples, logits, {3: "val/ants/3.jpg", 7: "val/bees/7.jpg"})
    (mistake,) = list_mistakes(["ants", "bees"], scored)
    assert (mistake.image_id, mistake.path, mistake.label) == (3, "val/ants/3.jpg", "ants")


def test_scores_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="every image"):
        Scored([1], ["a", "b"], torch.tensor([0, 0]), torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Scored([1], ["a"], torch.tensor([2]), torch.zeros(1, 2))
    with pytest.raises(Diverged):
        Scored([1], ["a"], torch.tensor([0]), torch.tensor([[0.0, float("nan")]]))

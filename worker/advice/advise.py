"""Recommend architecture and strategy for a dataset, by measurements on its training images."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from app.advice.schemas import (
    Advice,
    AdviceMeasurements,
    AdviceRequest,
    Candidate,
    Proportion,
    SecondsPerImage,
)
from app.datasets.manifest import read_manifest
from app.errors import GpuOutOfMemory, TooFewImages
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import Lbfgs, Recipe, Strategy
from app.ml.runtime.device import choose_device
from app.storage import LocalStorage
from worker.advice.architecture import adapt_all, find_architecture
from worker.advice.cost import Rates
from worker.advice.decision import Decision, Measurements, decide_strategy
from worker.advice.probe import OnProgress, ProbeResult, compute_features, cross_validate
from worker.advice.sample import draw_sample, halve
from worker.advice.stages import find_early_stage
from worker.advice.timing import TrainingTimer
from worker.analysis_config import AnalysisConfig
from worker.training.data import Sample, select_samples
from worker.training.evaluation.expected_accuracy import (
    extrapolate,
    measure_difference,
    measure_exponent,
)
from worker.training.head import FOLDS
from worker.training.repeatable import make_repeatable
from worker.training.starting_model import start_model

_TYPICAL_DECODING_SECONDS = 0.003
"""The decoding time of an image of 500 x 375 pixels, used until some images have been decoded."""


@dataclass(frozen=True)
class _Findings:
    """The measurements of one architecture on one dataset."""

    architecture: ArchitectureSpec
    first_layer_of_last_stage: str
    num_probed: int
    num_halved: int
    late: ProbeResult
    early: ProbeResult
    half: ProbeResult
    recipes: Mapping[Strategy, Recipe]
    rates: Mapping[Strategy, Rates]
    seconds: Mapping[Strategy, float]


def advise(
    config: AnalysisConfig,
    question: AdviceRequest,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Advice:
    """Measure the accuracy of heads on frozen features, and the cost of each training strategy.

    Raises WeightsUnavailable, TooFewImages, BudgetTooSmall, DeviceUnavailable, and GpuOutOfMemory
    where not even the frozen network fits.
    """
    num_threads = next(iter(question.recipes.values())).num_threads
    device = choose_device(config.device)
    make_repeatable(num_threads)
    storage = LocalStorage(config.storage_dir)
    records = list(read_manifest(storage.path(config.manifest_key)))
    train = select_samples(records, "train", config.class_names, storage.path)
    if len(train) <= 1:
        raise TooFewImages(
            f"The dataset has {len(train)} training images; advice needs at least 2."
        )
    val = select_samples(records, "val", config.class_names, storage.path)
    timer = TrainingTimer(
        device,
        num_classes=len(config.class_names),
        num_train=len(train),
        num_val=len(val),
        decoding=_TYPICAL_DECODING_SECONDS / num_threads,
    )
    architecture, candidates = find_architecture(config, question, timer)
    recipes = adapt_all(question, architecture)
    findings = _measure(config, architecture, recipes, train, val, timer, storage, on_progress)
    counts = Counter(sample.target for sample in train)
    measured = Measurements(
        images_per_class=median(counts.values()),
        late=findings.late.probe.accuracy,
        early=findings.early.probe.accuracy,
        gap=measure_difference(
            findings.late.is_right, findings.early.is_right, findings.late.weights
        ),
        expected=_expect_accuracy(findings, len(train)),
    )
    decision = decide_strategy(
        measured,
        findings.seconds,
        architecture=architecture.name,
        early_stage=findings.early.probe.stage,
        time_budget_seconds=question.time_budget_seconds,
    )
    per_class = {name: counts[target] for target, name in enumerate(config.class_names)}
    measurements = _describe(findings, measured, per_class, candidates, device.type)
    return _make_advice(findings, measured, decision, measurements)


def _measure(  # noqa: PLR0913, PLR0917 -- each is one thing the caller knows
    config: AnalysisConfig,
    architecture: ArchitectureSpec,
    recipes: dict[Strategy, Recipe],
    train: list[Sample],
    val: list[Sample],
    timer: TrainingTimer,
    storage: LocalStorage,
    on_progress: OnProgress,
) -> _Findings:
    frozen = next(iter(recipes.values())).model_copy(
        update={"strategy": "feature_extract", "trainable_from": None}
    )
    model, header = start_model(config.train(frozen), storage)
    model.to(timer.device).eval()
    early_stage, first_late = find_early_stage(model, architecture, frozen.input_size)
    if "partial" in recipes:
        recipes["partial"] = recipes["partial"].model_copy(update={"trainable_from": first_late})
    features = compute_features(
        model,
        architecture,
        early_stage,
        draw_sample(train),
        header.preprocessing,
        num_threads=frozen.num_threads,
        on_progress=on_progress,
    )
    late_stage, targets = architecture.layers[-1].name, features.targets
    val_targets = torch.tensor([sample.target for sample in val], dtype=torch.int64)
    half_of_images = halve(targets)
    probes = []
    for probed, labels, stage in (
        (features.late, targets, late_stage),
        (features.early, targets, early_stage),
        (features.late[half_of_images], targets[half_of_images], late_stage),
    ):
        probes.append(
            cross_validate(
                probed,
                labels,
                val_targets,
                stage=stage,
                num_classes=timer.num_classes,
                class_balance=frozen.class_balance,
            )
        )
        on_progress(len(targets), len(targets))
    late, early, half = probes
    rates = _time(
        model, architecture, recipes, timer.with_decoding_seconds(features.decoding_seconds)
    )
    solving_seconds = late.seconds * len(train) / len(targets)
    return _Findings(
        architecture=architecture,
        first_layer_of_last_stage=first_late,
        num_probed=len(targets),
        num_halved=len(half_of_images),
        late=late,
        early=early,
        half=half,
        recipes=recipes,
        rates=rates,
        seconds={
            strategy: timer.estimate(recipes[strategy], rates[strategy])
            + (solving_seconds if _solves_head(recipes[strategy]) else 0.0)
            for strategy in rates
        },
    )


def _time(
    model: nn.Module,
    architecture: ArchitectureSpec,
    recipes: Mapping[Strategy, Recipe],
    timer: TrainingTimer,
) -> dict[Strategy, Rates]:
    rates = timer.time_strategies(model, architecture, recipes)
    if not rates:
        sizes = {recipe.batch_size for recipe in recipes.values()}
        raise GpuOutOfMemory(
            f"No batch of {max(sizes)} images fits {architecture.name} into the device's memory. "
            "Choose a smaller batch_size or input_size."
        )
    return {
        strategy: timer.time_engine(model, architecture, recipes[strategy], measured)
        for strategy, measured in rates.items()
    }


def _solves_head(recipe: Recipe) -> bool:
    return isinstance(recipe.optimizer, Lbfgs) or recipe.head_start == "linear_probe"


def _describe(
    findings: _Findings,
    measured: Measurements,
    per_class: dict[str, int],
    candidates: list[Candidate],
    device: str,
) -> AdviceMeasurements:
    some_rates = next(iter(findings.rates.values()))
    present = [count for count in per_class.values() if count]
    return AdviceMeasurements(
        num_images=sum(present),
        per_class=per_class,
        imbalance=max(present) / min(present),
        images_per_class=measured.images_per_class,
        size="many" if measured.is_many else "few",
        similarity="like" if measured.is_like else "unlike",
        num_images_probed=findings.num_probed,
        late=findings.late.probe,
        early=findings.early.probe,
        gap=measured.gap,
        accuracy_with_half=findings.half.probe.accuracy.value,
        device=device,
        seconds_per_image=SecondsPerImage(
            decoding=some_rates.decoding,
            forward=min(rates.forward for rates in findings.rates.values()),
            step={
                strategy: rates.step
                for strategy, rates in findings.rates.items()
                if strategy != "feature_extract"
            },
        ),
        expected_seconds=dict(findings.seconds),
        candidates=candidates,
    )


def _make_advice(
    findings: _Findings,
    measured: Measurements,
    decision: Decision,
    measurements: AdviceMeasurements,
) -> Advice:
    last_frozen = {
        "feature_extract": findings.late.probe.stage,
        "partial": findings.early.probe.stage,
    }
    return Advice(
        architecture=findings.architecture.name,
        strategy=decision.strategy,
        trainable_from=findings.first_layer_of_last_stage
        if decision.strategy == "partial"
        else None,
        stage=last_frozen.get(decision.strategy),
        expected_accuracy=measured.expected,
        expected_seconds=findings.seconds[decision.strategy],
        reason=decision.reason,
        measurements=measurements,
    )


def _expect_accuracy(findings: _Findings, num_images: int) -> Proportion:
    """Return the better probe's accuracy, extrapolated to all training images."""
    late, early = findings.late.probe.accuracy, findings.early.probe.accuracy
    half = findings.half.probe.accuracy.value
    growth = findings.num_probed / findings.num_halved
    exponent = measure_exponent(late.value, with_fewer=half, growth=growth)
    num_fitted = findings.num_probed * (FOLDS - 1) / FOLDS
    better = max(late, early, key=lambda share: share.value)
    return extrapolate(better, exponent, growth=num_images / num_fitted)

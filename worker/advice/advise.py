"""Advice on how to train on a dataset, by measurement on its training images."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from torch import nn

from app.advice.schemas import (
    Advice,
    AdviceMeasurements,
    AdviceRequest,
    Candidate,
    SecondsPerImage,
)
from app.datasets.manifest import read_manifest
from app.errors import GpuOutOfMemory, TooFewImages
from app.ml.models.catalogue import Entry
from app.ml.recipe import Lbfgs, Recipe, Strategy
from app.ml.runtime.device import choose_device
from app.storage import LocalStorage
from worker.advice.architecture import adapt_all, find_architecture
from worker.advice.cost import Rates
from worker.advice.decision import Decision, Evidence, compare, decide_strategy
from worker.advice.probe import Judged, OnProgress, gather_features, judge
from worker.advice.sample import draw_sample, halve
from worker.advice.stages import find_early_stage
from worker.advice.timing import Bench
from worker.analysis_config import AnalysisConfig
from worker.training.data import Sample, select_samples
from worker.training.repeatable import make_repeatable
from worker.training.starting_model import start_model

_TYPICAL_DECODING_SECONDS = 0.003
"""Of a photograph of 500 x 375 pixels, until some have been decoded here."""


@dataclass(frozen=True)
class _Findings:
    """What was found out about one architecture on one dataset."""

    entry: Entry
    first_late: str
    num_probed: int
    late: Judged
    early: Judged
    half: Judged
    recipes: Mapping[Strategy, Recipe]
    rates: Mapping[Strategy, Rates]
    seconds: Mapping[Strategy, float]


def advise(
    config: AnalysisConfig,
    question: AdviceRequest,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Advice:
    """Measure how far the network's frozen features go, and what training more of it would cost.

    Raises WeightsUnavailable, TooFewImages, BudgetTooSmall, GpuOutOfMemory where not even the
    frozen network fits, and DeviceUnavailable.
    """
    num_threads = next(iter(question.recipes.values())).num_threads
    device = choose_device(config.device)
    make_repeatable(num_threads)
    storage = LocalStorage(config.storage_dir)
    records = read_manifest(storage.path(config.manifest_key))
    train = select_samples(records, "train", config.class_names, storage.path)
    if len(train) <= 1:
        raise TooFewImages(f"There are {len(train)} training images; at least two are needed.")
    bench = Bench(
        device,
        num_classes=len(config.class_names),
        num_train=len(train),
        num_val=config.num_images.get("val", 0),
        decoding=_TYPICAL_DECODING_SECONDS / num_threads,
    )
    entry, candidates = find_architecture(config, question, bench)
    recipes = adapt_all(question, entry)
    findings = _look(config, entry, recipes, train, bench, storage, on_progress)
    counts = Counter(sample.target for sample in train)
    evidence = Evidence(
        images_per_class=median(counts.values()),
        late=findings.late.probe.accuracy,
        early=findings.early.probe.accuracy,
        gap=compare(findings.late.is_right, findings.early.is_right),
    )
    decision = decide_strategy(
        evidence,
        findings.seconds,
        architecture=entry.name,
        early_stage=findings.early.probe.stage,
        time_budget_seconds=question.time_budget_seconds,
    )
    per_class = {name: counts[target] for target, name in enumerate(config.class_names)}
    measurements = _describe(findings, evidence, per_class, candidates, device.type)
    return _answer(findings, evidence, decision, measurements)


def _look(  # noqa: PLR0913, PLR0917 -- each is one thing the caller knows
    config: AnalysisConfig,
    entry: Entry,
    recipes: dict[Strategy, Recipe],
    train: list[Sample],
    bench: Bench,
    storage: LocalStorage,
    on_progress: OnProgress,
) -> _Findings:
    frozen = next(iter(recipes.values())).model_copy(
        update={"strategy": "feature_extract", "trainable_from": None}
    )
    model, header = start_model(config.train(frozen), storage)
    model.to(bench.device).eval()
    early_stage, first_late = find_early_stage(model, entry, frozen.input_size)
    if "partial" in recipes:
        recipes["partial"] = recipes["partial"].model_copy(update={"trainable_from": first_late})
    features = gather_features(
        model,
        entry,
        early_stage,
        draw_sample(train),
        header.preprocessing,
        num_threads=frozen.num_threads,
        on_progress=on_progress,
    )
    late_stage, targets = entry.layers[-1].name, features.targets
    some = halve(targets)
    judged = []
    for taken, labels, stage in (
        (features.late, targets, late_stage),
        (features.early, targets, early_stage),
        (features.late[some], targets[some], late_stage),
    ):
        judged.append(judge(taken, labels, stage=stage, num_classes=bench.num_classes))
        on_progress(len(targets), len(targets))
    late, early, half = judged
    rates = _time(model, entry, recipes, bench.decoding_in(features.decoding_seconds))
    solving = late.seconds * len(train) / len(targets)
    return _Findings(
        entry=entry,
        first_late=first_late,
        num_probed=len(targets),
        late=late,
        early=early,
        half=half,
        recipes=recipes,
        rates=rates,
        seconds={
            strategy: bench.estimate(recipes[strategy], rates[strategy])
            + (solving if _solves(recipes[strategy]) else 0.0)
            for strategy in rates
        },
    )


def _time(
    model: nn.Module, entry: Entry, recipes: Mapping[Strategy, Recipe], bench: Bench
) -> dict[Strategy, Rates]:
    rates = bench.time_strategies(model, entry, recipes)
    if not rates:
        sizes = {recipe.batch_size for recipe in recipes.values()}
        raise GpuOutOfMemory(
            f"No batch of {max(sizes)} of {entry.name} fits the device's memory here; give a "
            "smaller batch_size or input_size."
        )
    return rates


def _solves(recipe: Recipe) -> bool:
    return isinstance(recipe.optimizer, Lbfgs) or recipe.head_start == "linear_probe"


def _describe(
    findings: _Findings,
    evidence: Evidence,
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
        images_per_class=evidence.images_per_class,
        size="many" if evidence.is_many else "few",
        similarity="like" if evidence.is_like else "unlike",
        num_images_probed=findings.num_probed,
        late=findings.late.probe,
        early=findings.early.probe,
        gap=evidence.gap,
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


def _answer(
    findings: _Findings, evidence: Evidence, decision: Decision, measurements: AdviceMeasurements
) -> Advice:
    last_frozen = {
        "feature_extract": findings.late.probe.stage,
        "partial": findings.early.probe.stage,
    }
    return Advice(
        architecture=findings.entry.name,
        strategy=decision.strategy,
        trainable_from=findings.first_late if decision.strategy == "partial" else None,
        stage=last_frozen.get(decision.strategy),
        expected_accuracy=max(evidence.late, evidence.early, key=lambda share: share.value),
        expected_seconds=findings.seconds[decision.strategy],
        reason=decision.reason,
        measurements=measurements,
    )

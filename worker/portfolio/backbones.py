"""Run the backbones of a portfolio: measure their speed, compute features, solve for heads."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import Lbfgs, Recipe
from app.ml.runtime.device import move_to_device
from app.ml.runtime.precision import choose_precision
from app.ml.trust.novelty import count_kept
from worker.pool import map_in_threads
from worker.portfolio.candidates import find_weights
from worker.portfolio.plan import EvaluationCost
from worker.portfolio.results import CandidateResult, Interrupted, Measurement
from worker.training.balance import SolvedHeads, solve_heads
from worker.training.cache import CachedImages, Form, ImageCache, decode, eval_form
from worker.training.data import Sample
from worker.training.feed import LANE_BATCH_SIZE, ImageFeed, Splits
from worker.training.frozen import extract_backbone, run_once
from worker.training.frozen_engine import speed_up
from worker.training.head import estimate_seconds, explain_too_few
from worker.training.setup import TrainingContext
from worker.training.starting_model import start_model
from worker.training.trust import MAX_MEASURED

_TYPICAL_DECODING_SECONDS = 0.003
"""Seconds to decode an image of 500 x 375 pixels, until some images have been decoded."""

_CHANNELS, _SIDE = 64, 56
"""Shape of a convolution of ResNets: channels, and width and height."""

_NETWORK_OVER_LAYER = 0.5
"""Speed of a whole network over that of one large convolution."""

_LOADING_SECONDS = 1.0
"""Typical seconds to read and build a network, until one has been loaded."""


@dataclass(frozen=True)
class _Loaded:
    """A candidate after its measurement; features are those of the first images."""

    architecture: ArchitectureSpec
    recipe: Recipe
    compute: Callable[[Tensor], Tensor]
    spec: PreprocessingSpec
    feed: ImageFeed
    features: list[Tensor]
    evaluation: EvaluationCost


class BackboneRunner:
    """Runs each backbone once on each training image; input sizes share their decoded images."""

    def __init__(
        self,
        context: TrainingContext,
        splits: Splits,
        make_recipe: Callable[[ArchitectureSpec], Recipe],
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._context = context
        self._splits = splits
        self._make_recipe = make_recipe
        self._now = now
        config = context.config
        self._cache = ImageCache(
            config.cache_dir, config.image_cache_bytes, config.storage_floor_bytes
        )
        self._num_classes = len(config.class_names)
        self._opened: dict[str, CachedImages | None] = {}
        self._decoding = _TYPICAL_DECODING_SECONDS / context.recipe.num_threads
        self._loading = _LOADING_SECONDS
        self._gflops_per_second: float | None = None
        """That of the fastest network so far: small networks use a device badly."""
        self._sizes: set[int] = set()
        """Input sizes whose images are decoded."""
        self._solving = 0.0
        """Seconds of solving for the heads, for each feature."""
        self._loaded: _Loaded | None = None

    def estimate(self, architecture: ArchitectureSpec) -> float:
        weights = find_weights(architecture)
        size = self._make_recipe(architecture).input_size
        gflops = weights.gflops * (size / weights.crop_size) ** 2 if weights else 0.0
        if self._gflops_per_second is None:
            self._gflops_per_second = self._measure_reference()
        per_image = gflops / self._gflops_per_second
        if size not in self._sizes:
            per_image += self._decoding
        features = architecture.heads[-1].in_features
        num_images = len(self._splits.train)
        return self._loading + num_images * per_image + self._solving * features

    def measure(self, architecture: ArchitectureSpec) -> Measurement:
        context, train = self._context, self._splits.train
        recipe = self._make_recipe(architecture)
        started = self._now()
        model, header = start_model(
            context.config.model_copy(update={"recipe": recipe}), context.storage
        )
        move_to_device(model, context.device)
        spec = header.preprocessing
        compute, _ = speed_up(
            extract_backbone(model, architecture),
            context,
            spec.input_size,
            precision=choose_precision(recipe.precision, context.device),
            num_images=len(train),
        )
        self._loading = self._now() - started
        form = eval_form(spec)
        chunk = LANE_BATCH_SIZE * recipe.num_threads
        first = train[: 2 * chunk]
        started = self._now()
        pixels = self._decode(first, form)
        decoding = (self._now() - started) / len(first)
        self._decoding = decoding

        def read(sample: Sample) -> Tensor:
            return pixels[sample.image_id]

        feed = ImageFeed(
            recipe=recipe,
            spec=spec,
            splits=self._splits,
            num_classes=self._num_classes,
            read_source=read,
            read_plain=read,
            loader=context.loader,
            device=context.device,
        )
        # The first images pay for one-time initialisation, so the others are timed.
        loaded = _Loaded(architecture, recipe, compute, spec, feed, [], self._cost(0.0, 0.0, 0))
        cold = first[:chunk]
        timed = first[chunk:] or cold
        loaded.features.append(self._compute(loaded, cold, read))
        started = self._now()
        features = self._compute(loaded, timed, read)
        forward = (self._now() - started) / len(timed)
        if first[chunk:]:
            loaded.features.append(features)
        self._learn_speed(architecture, recipe, forward)
        num_features = architecture.heads[-1].in_features
        evaluation = self._cost(decoding, forward, num_features)
        self._loaded = replace(loaded, evaluation=evaluation)
        is_decoded = self._opened.get(form.name) is not None or self._cache.has(train, form)
        seconds = (
            (0.0 if is_decoded else decoding * len(train))
            + forward * (len(train) - len(first))
            + self._solving * num_features
        )
        return Measurement(seconds, evaluation)

    def run(self, has_time: Callable[[float], bool], *, is_first: bool) -> CandidateResult:
        loaded, train = self._loaded, self._splits.train
        if loaded is None:
            raise AssertionError("a candidate is measured before it runs")
        self._loaded = None
        name, progress = loaded.architecture.name, self._context.progress
        form = eval_form(loaded.spec)

        def check(_num_images: int = 1) -> None:
            if not is_first and not has_time(0.0):
                raise Interrupted

        if form.name not in self._opened:
            count = progress.prepare(f"decoding images for {name}", len(train))

            def on_image() -> None:
                count(1)
                check()

            has_images = self._cache.has(train, form)
            started = self._now()
            self._opened[form.name] = self._cache.open(
                train, form, num_threads=loaded.recipe.num_threads, on_image=on_image
            )
            self._sizes.add(loaded.spec.input_size)
            if not has_images and self._opened[form.name] is not None:
                self._decoding = (self._now() - started) / len(train)
        cached = self._opened[form.name]

        def read(sample: Sample) -> Tensor:
            return cached(sample) if cached else decode(sample, form)

        num_done = sum(len(features) for features in loaded.features)
        count = progress.prepare(f"computing features of {name}", len(train) - num_done)

        def on_batch(num_images: int) -> None:
            count(num_images)
            check()

        rest = train[num_done:]
        forward = loaded.evaluation.forward
        if rest:
            started = self._now()
            loaded.features.append(self._compute(loaded, rest, read, on_batch))
            forward = (self._now() - started) / len(rest)
            self._learn_speed(loaded.architecture, loaded.recipe, forward)
        heads = self._solve(loaded, torch.cat(loaded.features), has_time)
        evaluation = replace(loaded.evaluation, decoding=self._decoding, forward=forward)
        val_targets = torch.tensor(
            [sample.target for sample in self._splits.val], dtype=torch.int64
        )
        return CandidateResult(loaded.architecture, loaded.recipe, heads, val_targets, evaluation)

    def _solve(
        self, loaded: _Loaded, features: Tensor, has_time: Callable[[float], bool]
    ) -> SolvedHeads:
        """Solve for each L2 strength; those so far have to do when time is up.

        Where time may not suffice for all, the middle strength comes first: it is the safest single
        choice.
        """
        recipe, optimizer = loaded.recipe, loaded.recipe.optimizer
        if not isinstance(optimizer, Lbfgs):
            raise TypeError("the heads of candidates are solved for")
        targets = torch.tensor(
            [sample.target for sample in self._splits.train], device=features.device
        )
        strengths, num_classes = optimizer.l2_strengths, self._num_classes
        count = self._context.progress.prepare(
            f"solving for heads on {loaded.architecture.name}", len(strengths)
        )
        started = solved_at = self._now()
        num_heads = 2 * (optimizer.folds + 1) * len(strengths)  # with and without class weights
        needed = estimate_seconds(features, targets, num_classes=num_classes, num_heads=num_heads)
        middle = 0 if has_time(needed) else len(strengths) // 2

        def should_end() -> bool:
            nonlocal solved_at
            count(1)
            seconds, solved_at = self._now() - solved_at, self._now()
            return not has_time(seconds)  # the next strength takes about as long

        balance = solve_heads(
            recipe.class_balance,
            features,
            targets,
            num_classes=num_classes,
            l2_strengths=strengths[middle:] + strengths[:middle],
            folds=optimizer.folds,
            should_end=should_end,
        )
        if balance.best.held_out is None:
            raise explain_too_few(len(targets), num_classes)
        self._solving = (self._now() - started) / features.shape[1]
        ordered = sorted(balance.solutions, key=lambda one: strengths.index(one.l2_strength))
        return SolvedHeads(features, targets, replace(balance, solutions=ordered))

    def _compute(
        self,
        loaded: _Loaded,
        samples: list[Sample],
        read: Callable[[Sample], Tensor],
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> Tensor:
        device = self._context.device
        features, _ = run_once(
            loaded.compute,
            loaded.feed,
            samples,
            read,
            precision=choose_precision(loaded.recipe.precision, device),
            on_batch=on_batch,
        )
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return features

    def _decode(self, samples: list[Sample], form: Form) -> dict[int, Tensor]:
        cached = self._opened.get(form.name)

        def read(sample: Sample) -> Tensor:
            return cached(sample) if cached else decode(sample, form)

        images = map_in_threads(read, samples, num_threads=self._context.recipe.num_threads)
        return {sample.image_id: pixels for sample, pixels in zip(samples, images, strict=True)}

    def _learn_speed(self, architecture: ArchitectureSpec, recipe: Recipe, forward: float) -> None:
        weights = find_weights(architecture)
        if weights is not None and weights.gflops and forward > 0:
            scale = (recipe.input_size / weights.crop_size) ** 2
            speed = weights.gflops * scale / forward
            self._gflops_per_second = max(self._gflops_per_second or 0.0, speed)

    def _measure_reference(self) -> float:
        """Measure a convolution as ResNets have them, in billions of multiply-adds per second."""
        device = self._context.device
        layer = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1).to(device)
        images = torch.zeros(LANE_BATCH_SIZE, _CHANNELS, _SIDE, _SIDE, device=device)
        with torch.inference_mode():
            for _ in range(2):  # the first run includes one-time initialisation
                started = self._now()
                layer(images)
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
        gflops = LANE_BATCH_SIZE * (_SIDE * _CHANNELS) ** 2 * 9 / 1e9
        return _NETWORK_OVER_LAYER * gflops / max(self._now() - started, 1e-6)

    def _cost(self, decoding: float, forward: float, num_features: int) -> EvaluationCost:
        splits = self._splits
        num_kept = count_kept(num_features, self._num_classes) if num_features else 0
        return EvaluationCost(
            decoding=decoding,
            forward=forward,
            num_evaluated=len(splits.val) + len(splits.test),
            num_trust=min(num_kept, len(splits.train)) + min(len(splits.val), MAX_MEASURED),
        )

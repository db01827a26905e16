"""Predicting: images wait for a lane, which decodes, scores and judges several at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from app.db.session import Database
from app.db.tables import ModelVersion
from app.errors import CheckpointInvalid, DeadlineExceeded, InputError, Unavailable
from app.ml.runtime.device import choose_device
from app.ml.trust.heat_maps import Explainer
from app.models.references import parse_reference
from app.predictions.bodies import Bodies
from app.predictions.engines.choice import choose_engine, make_builder
from app.predictions.explaining import explain, load_explainer
from app.predictions.following import Following
from app.predictions.lanes import Lanes
from app.predictions.model_cache import ModelCache
from app.predictions.observing import count_results, counting_failures, observe
from app.predictions.postprocess import judge
from app.predictions.resolution import Question, Resolution
from app.predictions.results import Classified, Outcome, Wish
from app.predictions.servable import Servable, load_servable, naming_unreadable
from app.predictions.shadow import ShadowTraffic
from app.predictions.warming import WarmUp
from app.settings import Settings
from app.storage import Storage
from app.telemetry.metrics import PREDICT_BATCH_SIZE, PREDICT_SHED


class ImageToAnswer(NamedTuple):
    """An image that waits for a lane, and what is asked of it."""

    question: Question
    content: bytes


class _Prepared(NamedTuple):
    pixels: Tensor
    milliseconds: float
    trace_parent: str | None


class _Scored(NamedTuple):
    logits: Tensor
    features: Tensor
    milliseconds: float


class Predictor:
    """The lanes and the loaded models of this process, from construction to `close`."""

    def __init__(self, settings: Settings, database: Database, storage: Storage) -> None:
        """Raises DeviceUnavailable where the device that was asked for is not there.

        EngineUnavailable and ValidationFailed for an engine, and numbers, that it has not.
        """
        self.settings = settings
        self._storage = storage
        self._device = choose_device(settings.device)
        self.engine = choose_engine(settings.predict_engine, self._device)
        make_builder(self.engine, self._device, settings.predict_precision)
        self._resolution = Resolution(database)
        self.models = ModelCache[tuple[str, int] | tuple[str, int, str], Servable | Explainer](
            settings.model_cache_bytes, measure=lambda loaded: loaded.num_bytes
        )
        self.bodies = Bodies(settings.predict_max_bytes_in_flight)
        on_gpu = self._device.type == "cuda"
        num_lanes = settings.predict_gpu_lanes if on_gpu else settings.predict_lanes
        self.warm_up = WarmUp(num_lanes)
        self.lanes = Lanes[ImageToAnswer, Classified](
            num_lanes,
            queue_size=settings.predict_queue_size,
            batch_size=settings.predict_batch_size,
            run=self._answer,
            kind=lambda image: image.question.reference,
            prepare=self._warm_lane,
        )
        self._following = Following(
            self._resolution,
            is_loaded=lambda version: (version.name, version.version) in self.models.keys,
            load=self._run_once,
            refresh_seconds=settings.predict_refresh_seconds,
        )
        self.shadow = ShadowTraffic(
            database,
            load=self._load,
            is_idle=lambda: self.lanes.is_idle,
            max_pixels=settings.max_image_pixels,
            refresh_seconds=settings.shadow_refresh_seconds,
        )

    def close(self) -> None:
        self.lanes.close()
        self._following.close()
        self.shadow.close()

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """Raise DeadlineExceeded in the block when a request's time is over."""
        seconds = self.settings.predict_deadline_seconds
        try:
            async with asyncio.timeout(seconds) as timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():
                raise
            PREDICT_SHED.labels("deadline").inc()
            raise DeadlineExceeded(f"There was no answer within {seconds:g} seconds.") from error

    async def predict(
        self, images: Sequence[bytes], *, reference: str | None, wish: Wish
    ) -> Outcome:
        """Classify images with the model of this reference, or with the chosen one.

        Work that no lane has begun is dropped when the caller is cancelled.
        Raises what `resolve_reference` does, ModelNotReady, Overloaded where there is no room for
        all the images, CheckpointInvalid for a model whose file is missing or damaged.
        """
        if reference is not None:
            parse_reference(reference, loc=("query", "model"))
        question = Question(reference, wish)
        futures = self.lanes.submit([ImageToAnswer(question, content) for content in images])
        results = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        settled = [_settle(result) for result in results]
        assert question.version is not None  # noqa: S101 - a lane settled it before it answered
        version = question.version
        return Outcome(version.name, version.version, version.class_names, settled)

    def _warm_lane(self) -> None:
        """In each lane before its first work."""
        torch.set_num_threads(1)  # the lanes are the parallelism
        with self.warm_up.lane():
            self._run_once(self._resolution.resolve(Question(None, Wish())))

    def _run_once(self, version: ModelVersion) -> None:
        with self._use(version) as servable:
            servable.run_once()

    def _answer(self, images: Sequence[ImageToAnswer]) -> list[Classified | BaseException]:
        """In a lane: one forward pass for all images that are for the same version."""
        for image in images:
            question = image.question
            observe("queue", time.monotonic() - question.asked_at, [question.trace_parent])
        versions = [self._resolution.resolve(image.question) for image in images]
        answers: list[Classified | BaseException] = []
        pairs = zip(versions, images, strict=True)
        for _, group in groupby(pairs, lambda pair: (pair[0].name, pair[0].version)):
            alike = list(group)
            answers += self._answer_with(alike[0][0], [image for _, image in alike])
        return answers

    def _answer_with(
        self, version: ModelVersion, images: Sequence[ImageToAnswer]
    ) -> list[Classified | BaseException]:
        model = f"{version.name}:{version.version}"
        with counting_failures(model, len(images)):
            try:
                results = self._run(version, images)
            except CheckpointInvalid as error:
                if images[0].question.reference is None:
                    self.warm_up.problem = error.message
                raise
        count_results(model, results)
        return results

    def _run(
        self, version: ModelVersion, images: Sequence[ImageToAnswer]
    ) -> list[Classified | BaseException]:
        with self._use(version) as servable:
            if images[0].question.reference is None:
                self.warm_up.problem = None
            prepared = [self._prepare(servable, image) for image in images]
            scored = iter(_score(servable, [p for p in prepared if isinstance(p, _Prepared)]))
            return [
                self._judge(version, servable, image, one, next(scored))
                if isinstance(one, _Prepared)
                else one
                for image, one in zip(images, prepared, strict=True)
            ]

    @contextmanager
    def _use(self, version: ModelVersion) -> Iterator[Servable]:
        with self.models.use(
            (version.name, version.version),
            num_bytes=version.num_bytes,
            load=partial(self._load, version),
        ) as servable:
            assert isinstance(servable, Servable)  # noqa: S101 - the key says so
            yield servable

    def _prepare(self, servable: Servable, image: ImageToAnswer) -> _Prepared | BaseException:
        trace_parent = image.question.trace_parent
        started_at = time.perf_counter()
        try:
            pixels = servable.prepare(image.content, max_pixels=self.settings.max_image_pixels)
        except Exception as error:  # noqa: BLE001 - it is this image's alone
            return error
        finally:
            seconds = time.perf_counter() - started_at
            observe("decode", seconds, [trace_parent])
        return _Prepared(pixels, seconds * 1000, trace_parent)

    def _judge(
        self,
        version: ModelVersion,
        servable: Servable,
        image: ImageToAnswer,
        prepared: _Prepared,
        scored: _Scored,
    ) -> Classified | BaseException:
        said = _judge(servable, image.question.wish, scored)
        if image.question.wish.explain and isinstance(said, Classified):
            said = self._explain(version, servable, prepared, said)
        if image.question.reference is None and isinstance(said, Classified):
            self.shadow.show(version, image.content, scored.logits, servable.temperature)
        return said

    def _explain(
        self, version: ModelVersion, servable: Servable, prepared: _Prepared, said: Classified
    ) -> Classified | BaseException:
        started_at = time.perf_counter()
        try:
            with self.models.use(
                (version.name, version.version, "explainer"),
                num_bytes=version.num_bytes,
                load=partial(self._load_explainer, version),
            ) as explainer:
                assert isinstance(explainer, Explainer)  # noqa: S101 - the key says so
                verdict = explain(explainer, prepared.pixels, servable.class_names, said.verdict)
        except Exception as error:  # noqa: BLE001 - it is this image's alone
            return error
        return Classified(verdict, said.inference_ms + (time.perf_counter() - started_at) * 1000)

    def _load_explainer(self, version: ModelVersion) -> Explainer:
        with naming_unreadable(f"{version.name}:{version.version}"):
            return load_explainer(
                self._storage.path(version.checkpoint_key),
                self._device,
                # The digest of an int8 version is that of its graph, not of this checkpoint.
                digest=None if version.quantized_key else version.digest,
            )

    def _load(self, version: ModelVersion) -> Servable:
        with naming_unreadable(f"{version.name}:{version.version}"):
            return load_servable(
                self._storage.path(version.checkpoint_key),
                self._storage.path(version.trust_key) if version.trust_key else None,
                self._device,
                digest=version.digest,
                engine=self.engine,
                precision=self.settings.predict_precision,
                num_callers=self.settings.predict_lanes,
                gpu_batch_size=self.settings.predict_gpu_batch_size,
                quantized_path=self._storage.path(version.quantized_key)
                if version.quantized_key
                else None,
            )


def _score(servable: Servable, images: Sequence[_Prepared]) -> list[_Scored]:
    if not images:
        return []
    started_at = time.perf_counter()
    scores = servable.engine.run(torch.stack([image.pixels for image in images]))
    seconds = time.perf_counter() - started_at
    PREDICT_BATCH_SIZE.observe(len(images))
    observe("forward", seconds, [image.trace_parent for image in images])
    share_ms = seconds * 1000 / len(images)
    return [
        _Scored(logits, features, image.milliseconds + share_ms)
        for logits, features, image in zip(scores.logits, scores.features, images, strict=True)
    ]


def _judge(servable: Servable, wish: Wish, scored: _Scored) -> Classified | BaseException:
    try:
        verdict = judge(scored.logits, scored.features, servable.class_names, servable.trust, wish)
    except Exception as error:  # noqa: BLE001 - it is this image's alone
        return error
    return Classified(verdict, scored.milliseconds)


def _settle(result: Classified | BaseException) -> Classified | InputError:
    if isinstance(result, Classified | InputError):
        return result
    if isinstance(result, asyncio.CancelledError):
        raise Unavailable("The service is shutting down.") from result
    raise result

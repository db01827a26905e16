"""Predict images: queue them for lanes, which decode, score and postprocess them in groups."""

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
from app.db.tenancy import DEFAULT_TENANT, name_for_operator
from app.errors import CheckpointInvalid, DeadlineExceeded, InputError, Unavailable
from app.ml.images.gpu_decoding import require_gpu_decoding
from app.ml.runtime.device import choose_device
from app.ml.trust.heat_maps import Explainer
from app.models.references import parse_reference
from app.models.repository import ModelRepository
from app.predictions.body_memory import BodyMemory
from app.predictions.engines.choice import choose_engine, make_builder
from app.predictions.explanation import explain, load_explainer
from app.predictions.lane_metrics import count_failures, count_results, observe
from app.predictions.lanes import Lanes
from app.predictions.model_cache import ModelCache
from app.predictions.postprocess import postprocess
from app.predictions.promotion_watcher import PromotionWatcher
from app.predictions.resolution import ModelQuery, ReferenceResolver
from app.predictions.results import RequestResult, TimedResult
from app.predictions.schemas import PredictOptions
from app.predictions.servable import Servable, load_servable, name_version_in_errors
from app.predictions.shadow import ShadowTraffic
from app.predictions.warm_up import WarmUp, list_tenants_with_model
from app.settings import Settings
from app.storage import Storage
from app.telemetry.metrics import PREDICT_BATCH_SIZE, PREDICT_SHED

_WAIT_SHARE = 0.5
"""Share of the deadline that images may wait in the queue; the time of an image varies."""


class QueuedImage(NamedTuple):
    """An encoded image that waits for a lane, and the model and options of its request."""

    query: ModelQuery
    content: bytes


class VersionKey(NamedTuple):
    """A version of a tenant's model: tenants may have models of the same name."""

    tenant: str
    name: str
    version: int


def version_key(version: ModelVersion) -> VersionKey:
    """Return the key of a version among those of all tenants."""
    return VersionKey(version.tenant, version.name, version.version)


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
        """Start the threads.

        Raises DeviceUnavailable where the configured device does not exist, or cannot decode JPEGs
        and is to; EngineUnavailable and ValidationFailed where the configured engine or precision
        cannot run on it.
        """
        self.settings = settings
        self._database, self._storage = database, storage
        self._device = choose_device(settings.device)
        self.engine = choose_engine(settings.predict_engine, self._device)
        make_builder(self.engine, self._device, settings.predict_precision)
        self._decode_device = None
        if settings.predict_decode_on == "gpu":
            require_gpu_decoding(self._device)
            self._decode_device = self._device
        self._database = database
        self._resolver = ReferenceResolver(database)
        self.models = ModelCache[VersionKey | tuple[VersionKey, str], Servable | Explainer](
            settings.model_cache_bytes, measure=lambda loaded: loaded.num_bytes
        )
        self.body_memory = BodyMemory(settings.predict_max_bytes_in_flight)
        on_gpu = self._device.type == "cuda"
        num_lanes = settings.predict_gpu_lanes if on_gpu else settings.predict_lanes
        self.warm_up = WarmUp(num_lanes)
        self.lanes = Lanes[QueuedImage, TimedResult](
            num_lanes,
            queue_size=settings.predict_queue_size,
            batch_size=settings.predict_batch_size,
            run=self._predict_group,
            kind=lambda image: image.query.target,
            prepare=self._warm_lane,
            max_wait_seconds=_WAIT_SHARE * settings.predict_deadline_seconds,
        )
        self._promotions = PromotionWatcher(
            self._resolver,
            is_loaded=lambda version: version_key(version) in self.models.keys,
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
        self._promotions.close()
        self.shadow.close()

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """Raise DeadlineExceeded if the block takes longer than a request may."""
        seconds = self.settings.predict_deadline_seconds
        try:
            async with asyncio.timeout(seconds) as timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():
                raise
            PREDICT_SHED.labels("deadline").inc()
            raise DeadlineExceeded(
                f"The images were not predicted within {seconds:g} seconds; try again."
            ) from error

    async def predict(
        self,
        images: Sequence[bytes],
        *,
        reference: str | None,
        options: PredictOptions,
        explain: bool = False,
        label: str | None = None,
    ) -> RequestResult:
        """Classify images with the model of this reference, or with the chosen one for None.

        `label` is the class to explain; None explains the most probable one.
        If the caller is cancelled, images that no lane has started leave the queue.
        Raises what `resolve_reference` does, ModelNotReady, Overloaded where there is no room for
        all the images, CheckpointInvalid for a model whose file is missing or damaged.
        """
        if reference is not None:
            parse_reference(reference, loc=("query", "model"))
        query = ModelQuery(reference, options, explain, label)
        futures = self.lanes.submit([QueuedImage(query, content) for content in images])
        results = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        checked = [_check(result) for result in results]
        assert query.version is not None  # noqa: S101 - a lane resolves it before it predicts
        version = query.version
        return RequestResult(version.name, version.version, version.class_names, checked)

    def _warm_lane(self) -> None:
        """Run the chosen models once, in each lane before its first image.

        Those of further tenants are run as long as all of them fit into the cache.
        """
        torch.set_num_threads(1)  # the lanes are the parallelism
        with self.warm_up.lane():
            num_bytes = 0
            for tenant in list_tenants_with_model(self._database):
                with self.warm_up.chosen_model(tenant):
                    query = ModelQuery(None, PredictOptions(), tenant=tenant)
                    version = self._resolver.resolve(query)
                    num_bytes += version.num_bytes
                    if tenant != DEFAULT_TENANT and num_bytes > self.models.max_bytes:
                        break
                    self._run_once(version)

    def _run_once(self, version: ModelVersion) -> None:
        with self._use(version) as servable:
            servable.run_once()

    def _predict_group(self, images: Sequence[QueuedImage]) -> list[TimedResult | BaseException]:
        """Predict images in a lane, with one forward pass for each version."""
        for image in images:
            query = image.query
            observe("queue", time.monotonic() - query.received_at, [query.trace_parent])
        versions = [self._resolver.resolve(image.query) for image in images]
        results: list[TimedResult | BaseException] = []
        pairs = zip(versions, images, strict=True)
        for _, group in groupby(pairs, lambda pair: version_key(pair[0])):
            same_version = list(group)
            version, _ = same_version[0]
            results += self._predict_with(version, [image for _, image in same_version])
        return results

    def _predict_with(
        self, version: ModelVersion, images: Sequence[QueuedImage]
    ) -> list[TimedResult | BaseException]:
        model = name_for_operator(version.tenant, f"{version.name}:{version.version}")
        with count_failures(model, len(images)):
            try:
                results = self._run(version, images)
            except CheckpointInvalid as error:
                if images[0].query.reference is None:
                    self.warm_up.problems[version.tenant] = error.message
                raise
        count_results(model, results)
        return results

    def _run(
        self, version: ModelVersion, images: Sequence[QueuedImage]
    ) -> list[TimedResult | BaseException]:
        with self._use(version) as servable:
            if images[0].query.reference is None:
                self.warm_up.problems.pop(version.tenant, None)
            prepared = [self._prepare(servable, image) for image in images]
            scored = iter(_score(servable, [p for p in prepared if isinstance(p, _Prepared)]))
            return [
                self._postprocess(version, servable, image, pixels, next(scored))
                if isinstance(pixels, _Prepared)
                else pixels
                for image, pixels in zip(images, prepared, strict=True)
            ]

    @contextmanager
    def _use(self, version: ModelVersion) -> Iterator[Servable]:
        with self.models.use(
            version_key(version),
            num_bytes=version.num_bytes,
            load=partial(self._load, version),
        ) as servable:
            assert isinstance(servable, Servable)  # noqa: S101 - the key determines the type
            yield servable

    def _prepare(self, servable: Servable, image: QueuedImage) -> _Prepared | BaseException:
        trace_parent = image.query.trace_parent
        started_at = time.perf_counter()
        try:
            pixels = servable.prepare(
                image.content,
                max_pixels=self.settings.max_image_pixels,
                deadline=image.query.received_at + self.settings.predict_deadline_seconds,
            )
        except Exception as error:  # noqa: BLE001 - only this image fails
            return error
        finally:
            seconds = time.perf_counter() - started_at
            observe("decode", seconds, [trace_parent])
        return _Prepared(pixels, seconds * 1000, trace_parent)

    def _postprocess(
        self,
        version: ModelVersion,
        servable: Servable,
        image: QueuedImage,
        prepared: _Prepared,
        scored: _Scored,
    ) -> TimedResult | BaseException:
        result = _postprocess(servable, image.query.options, scored)
        if image.query.explain and isinstance(result, TimedResult):
            result = self._explain(version, servable, image.query.label, prepared, result)
        if image.query.reference is None and isinstance(result, TimedResult):
            self.shadow.submit(version, image.content, scored.logits, servable.temperature)
        return result

    def _explain(
        self,
        version: ModelVersion,
        servable: Servable,
        label: str | None,
        prepared: _Prepared,
        timed: TimedResult,
    ) -> TimedResult | BaseException:
        started_at = time.perf_counter()
        try:
            with self.models.use(
                (version_key(version), "explainer"),
                num_bytes=version.num_bytes,
                load=partial(self._load_explainer, version),
            ) as explainer:
                assert isinstance(explainer, Explainer)  # noqa: S101 - the key determines the type
                result = explain(explainer, servable, prepared.pixels, timed.result, label)
        except Exception as error:  # noqa: BLE001 - only this image fails
            return error
        return TimedResult(result, timed.inference_ms + (time.perf_counter() - started_at) * 1000)

    def _load_explainer(self, version: ModelVersion) -> Explainer:
        with name_version_in_errors(f"{version.name}:{version.version}"):
            return load_explainer(
                self._storage.path(version.checkpoint_key),
                self._device,
                digest=self._find_checkpoint_digest(version),
            )

    def _load(self, version: ModelVersion) -> Servable:
        with name_version_in_errors(f"{version.name}:{version.version}"):
            return load_servable(
                self._storage.path(version.checkpoint_key),
                self._storage.path(version.trust_key) if version.trust_key else None,
                self._device,
                digest=version.digest,
                engine=self.engine,
                precision=self.settings.predict_precision,
                num_callers=self.settings.predict_lanes,
                gpu_batch_size=self.settings.predict_gpu_batch_size,
                decode_device=self._decode_device,
                quantized_path=self._storage.path(version.quantized_key)
                if version.quantized_key
                else None,
                checkpoint_digest=self._find_checkpoint_digest(version),
            )

    def _find_checkpoint_digest(self, version: ModelVersion) -> str | None:
        if version.quantized_key is None:
            return version.digest
        with self._database.reading() as session:
            return ModelRepository(session).find_checkpoint_digest(version.checkpoint_key)


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


def _postprocess(
    servable: Servable, options: PredictOptions, scored: _Scored
) -> TimedResult | BaseException:
    try:
        result = postprocess(
            scored.logits, scored.features, servable.class_names, servable.trust, options
        )
    except Exception as error:  # noqa: BLE001 - only this image fails
        return error
    return TimedResult(result, scored.milliseconds)


def _check(result: TimedResult | BaseException) -> TimedResult | InputError:
    if isinstance(result, TimedResult | InputError):
        return result
    if isinstance(result, asyncio.CancelledError):
        raise Unavailable("The service is shutting down; try again.") from result
    raise result

"""Predicting: a reference resolved anew each time, a loaded model, a lane for each image."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import torch

from app.db.session import Database
from app.db.tables import ModelVersion
from app.errors import CheckpointInvalid, DeadlineExceeded, InputError, Unavailable
from app.ml.device import choose_device
from app.predictions.judging import Verdict, Wish, judge
from app.predictions.lanes import Lanes
from app.predictions.model_cache import ModelCache
from app.predictions.servable import Servable, load_servable
from app.registry.service import resolve_chosen, resolve_reference
from app.settings import Settings
from app.storage import Storage


class Classified(NamedTuple):
    """What is said of one image, and how long it took to say so."""

    verdict: Verdict
    inference_ms: float


class Outcome(NamedTuple):
    """A model's word on each image, in the order sent: a ranking, or what is wrong with it."""

    name: str
    version: int
    images: list[Classified | InputError]


class Predictor:
    """The lanes and the loaded models of this process, from construction to `close`."""

    def __init__(self, settings: Settings, database: Database, storage: Storage) -> None:
        """Raises DeviceUnavailable where the device that was asked for is not there."""
        self.settings = settings
        self._database = database
        self._storage = storage
        self._device = choose_device(settings.device)
        self.models = ModelCache[tuple[str, int], Servable](settings.model_cache_bytes)
        self.lanes = Lanes[Classified](
            settings.predict_lanes,
            queue_size=settings.predict_queue_size,
            prepare=_use_one_thread,
        )

    def close(self) -> None:
        self.lanes.close()

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
            raise DeadlineExceeded(f"There was no answer within {seconds:g} seconds.") from error

    async def predict(
        self, images: Sequence[bytes], *, reference: str | None, wish: Wish
    ) -> Outcome:
        """Classify images with the model of this reference, or with the chosen one.

        Work that no lane has begun is dropped when the caller is cancelled.
        Raises what `resolve_reference` does, ModelNotReady, Overloaded where there is no room for
        all the images, Unavailable for a model whose file cannot be read.
        """
        version = await asyncio.to_thread(self._resolve, reference)
        futures = self.lanes.submit(
            [partial(self._classify, version, image, wish) for image in images]
        )
        results = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        return Outcome(version.name, version.version, [_settle(result) for result in results])

    def _resolve(self, reference: str | None) -> ModelVersion:
        with self._database.reading() as session:
            if reference is None:
                return resolve_chosen(session)
            return resolve_reference(session, reference, loc=("query", "model"))

    def _classify(self, version: ModelVersion, content: bytes, wish: Wish) -> Classified:
        with self.models.use(
            (version.name, version.version),
            num_bytes=version.num_bytes,
            load=partial(self._load, version),
        ) as servable:
            started_at = time.perf_counter()
            pixels = servable.prepare(content, max_pixels=self.settings.max_image_pixels)
            scores = servable.engine.run(pixels[None])
            verdict = judge(
                scores.logits[0], scores.features[0], servable.class_names, servable.trust, wish
            )
            return Classified(verdict, (time.perf_counter() - started_at) * 1000)

    def _load(self, version: ModelVersion) -> Servable:
        try:
            return load_servable(
                self._storage.path(version.checkpoint_key),
                self._storage.path(version.trust_key) if version.trust_key else None,
                self._device,
                precision=self.settings.predict_precision,
            )
        except (FileNotFoundError, CheckpointInvalid) as error:
            raise Unavailable(
                f"The file of {version.name}:{version.version} cannot be read."
            ) from error


def _use_one_thread() -> None:
    """Let a lane run torch by itself: the lanes are the parallelism."""
    torch.set_num_threads(1)


def _settle(result: Classified | BaseException) -> Classified | InputError:
    if isinstance(result, Classified | InputError):
        return result
    if isinstance(result, asyncio.CancelledError):
        raise Unavailable("The service is shutting down.") from result
    raise result

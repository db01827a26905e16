"""Record the lanes' metrics and spans: time by stage, images by outcome."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from app.errors import InputError
from app.telemetry.metrics import PREDICT_IMAGES, PREDICT_STAGE_SECONDS
from app.telemetry.tracing import context_of, get_tracer

Stage = Literal["queue", "decode", "forward"]

_SECONDS = {stage: PREDICT_STAGE_SECONDS.labels(stage) for stage in ("queue", "decode", "forward")}


def observe(stage: Stage, seconds: float, trace_parents: Iterable[str | None]) -> None:
    """Record a stage that has just ended, with a span for each traced request."""
    _SECONDS[stage].observe(seconds)
    for parent in {parent for parent in trace_parents if parent}:
        now_ns = time.time_ns()
        started_ns = now_ns - int(seconds * 1e9)
        span = get_tracer().start_span(
            f"predict {stage}", context=context_of(parent), start_time=started_ns
        )
        span.end(now_ns)


def count_results(model: str, results: Sequence[object]) -> None:
    """Count images by outcome: classified, refused or failed."""
    for result in results:
        PREDICT_IMAGES.labels(model, _outcome(result)).inc()


@contextmanager
def count_failures(model: str, num_images: int) -> Iterator[None]:
    """Count these images as failed when the block raises."""
    try:
        yield
    except BaseException:
        PREDICT_IMAGES.labels(model, "failed").inc(num_images)
        raise


def _outcome(result: object) -> str:
    if isinstance(result, InputError):
        return "refused"
    return "failed" if isinstance(result, BaseException) else "classified"

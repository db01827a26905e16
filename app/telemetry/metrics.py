"""What this process counts and times of its own work, under the names that Prometheus reads.

Names and units follow the conventions of Prometheus ("Metric and label naming"). Every label has
few values, all of the service's own making: routes, statuses, stages, registered models.

Several API processes behind one socket are added up where they share a folder: the library's own
PROMETHEUS_MULTIPROC_DIR, an empty folder, set before they start. Without it a process tells of
itself alone.
"""

from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

# A second series for every first, which nothing here reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
"""This process's own; the library's global one belongs to whoever else is in the process."""

HTTP_REQUESTS = Counter(
    "graft_http_requests",
    "Requests answered. A request that matches no route has the route `none`.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "graft_http_request_seconds",
    "Time from a request's head to the last byte of its answer.",
    ["method", "route"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)

PREDICT_STAGE_SECONDS = Histogram(
    "graft_predict_stage_seconds",
    "Time in a stage of predicting: queue and decode (and resize) of an image, forward of a batch.",
    ["stage"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
PREDICT_BATCH_SIZE = Histogram(
    "graft_predict_batch_images",
    "Images of one forward pass.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
    registry=REGISTRY,
)
PREDICT_IMAGES = Counter(
    "graft_predict_images",
    "Images that came to an end: classified, refused (not a picture that can be read), failed.",
    ["model", "outcome"],
    registry=REGISTRY,
)
PREDICT_SHED = Counter(
    "graft_predict_shed",
    "Requests not worked off: queue_full and bytes_full (503), deadline (504), client_gone.",
    ["reason"],
    registry=REGISTRY,
)
PREDICT_QUEUE_DEPTH = Gauge(
    "graft_predict_queue_images",
    "Images waiting for a lane.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)

MODEL_CACHE_BYTES = Gauge(
    "graft_model_cache_bytes",
    "Weights kept loaded for predict.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
MODEL_CACHE_LOADS = Counter(
    "graft_model_cache_loads",
    "Models loaded because a predict needed them: loaded, failed.",
    ["outcome"],
    registry=REGISTRY,
)
MODEL_CACHE_LOAD_SECONDS = Histogram(
    "graft_model_cache_load_seconds",
    "Time to load a model.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
MODEL_CACHE_EVICTIONS = Counter(
    "graft_model_cache_evictions",
    "Models dropped to make room.",
    registry=REGISTRY,
)


def forget_process(folder: Path, process_id: int) -> None:
    """Stop adding the gauges of a process that has ended to those of its folder's others."""
    mark_process_dead(process_id, str(folder))  # type: ignore[no-untyped-call]


def list_collectors() -> list[Collector]:
    """What a scrape of this process tells, apart from what stands elsewhere."""
    try:
        counted: Collector = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
    except ValueError:  # there is no such folder
        counted = REGISTRY
    return [counted, ProcessCollector(registry=None)]

"""The Prometheus metrics of the API.

Names and units follow Prometheus' conventions ("Metric and label naming"). Labels have few values,
none of them chosen by clients: routes, statuses, stages, registered models.

The metrics of several API processes are summed if PROMETHEUS_MULTIPROC_DIR, a variable of the
Prometheus client, names an empty folder before they start. Otherwise a process reports its own.
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

# The library would add a second series to each one, which nothing here reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
"""A registry of its own, because other code in the process may use the library's global one."""

HTTP_REQUESTS = Counter(
    "graft_http_requests",
    "HTTP requests by method, route and status. The route is `none` if no route matches.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "graft_http_request_seconds",
    "Time from a request's headers to the last byte of its response.",
    ["method", "route"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)

PREDICT_STAGE_SECONDS = Histogram(
    "graft_predict_stage_seconds",
    "Time of a stage of prediction: queue and decode (with resize) per image, forward per batch.",
    ["stage"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
PREDICT_BATCH_SIZE = Histogram(
    "graft_predict_batch_images",
    "Images per forward pass.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
    registry=REGISTRY,
)
PREDICT_IMAGES = Counter(
    "graft_predict_images",
    "Images processed: classified, refused (the image cannot be read), failed.",
    ["model", "outcome"],
    registry=REGISTRY,
)
PREDICT_SHED = Counter(
    "graft_predict_shed",
    "Predict requests dropped: queue_full, wait_too_long and bytes_full (503), deadline (504), "
    "client_gone.",
    ["reason"],
    registry=REGISTRY,
)
PREDICT_QUEUE_DEPTH = Gauge(
    "graft_predict_queue_images",
    "Images in the prediction queue.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)

MODEL_CACHE_BYTES = Gauge(
    "graft_model_cache_bytes",
    "Size of the weights of loaded models.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
MODEL_CACHE_LOADS = Counter(
    "graft_model_cache_loads",
    "Model loads by outcome: loaded, failed.",
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
    "Models evicted from the cache.",
    registry=REGISTRY,
)


def forget_process(folder: Path, process_id: int) -> None:
    """Remove the gauges of a process that has ended from the sums of its folder."""
    mark_process_dead(process_id, str(folder))  # type: ignore[no-untyped-call]


def list_collectors() -> list[Collector]:
    """List the collectors of this process's metrics."""
    try:
        counted: Collector = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
    except ValueError:  # PROMETHEUS_MULTIPROC_DIR names no folder
        counted = REGISTRY
    return [counted, ProcessCollector(registry=None)]

"""Settings of the service; no other module reads the environment."""

import json
import math
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from app.access_settings import AccessSettings

RENAMED = {"GRAFT_RING_SECONDS": "GRAFT_NOTIFY_SECONDS"}
"""Variables of earlier versions, and the name that each has now."""

MIB = 1024 * 1024
GIB = 1024 * MIB


def _num_api_processes() -> int:
    """One for every two CPUs, from two to eight: an interpreter runs one thread at a time.

    Each one also takes memory of a GPU. Only on Linux does the kernel distribute the connections of
    a port among processes.
    """
    if sys.platform != "linux" or _num_cpus() == 1:
        return 1
    return min(max(2, _num_cpus() // 2), 8)


def _num_lanes(num_processes: int) -> int:
    """One for each core; one more with a single process, where one lane often waits for the GIL."""
    return _num_cpus() + 1 if num_processes == 1 else math.ceil(_num_cpus() / num_processes)


def _num_cpus() -> int:
    """Return the number of CPUs that this process may run on; a container may limit it."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class SettingsInvalid(Exception):
    """A variable has a value that is not allowed, or a name of an earlier version."""


class Settings(AccessSettings):
    """Read from variables named GRAFT_<FIELD>; every one is optional."""

    model_config = SettingsConfigDict(env_prefix="GRAFT_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0 picks one.")
    api_processes: int = Field(
        default_factory=_num_api_processes,
        ge=1,
        le=256,
        description="Processes of the API. They share its port; each has its own models, lanes and "
        "queue.",
    )
    data_dir: Path = Field(
        Path("graft-data"), description="Folder of the embedded database, broker and files."
    )
    weights_dir: Path | None = Field(
        None, description="Folder searched first for pretrained weights."
    )
    weights_download: bool = Field(
        True,
        description="Whether pretrained weights may be downloaded (from the hubs of "
        "torchvision and timm).",
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty means SQLite inside the data folder."
    )
    broker_url: str = Field(
        "", description="Celery broker URL; empty means a second SQLite file in the data folder."
    )
    storage_url: str = Field(
        "", description="file:// URL of the artifact store; empty means a data sub-folder."
    )
    storage_floor_bytes: int = Field(
        256 * MIB,
        ge=0,
        description="Free disk space below which nothing new is accepted (507) and workers wait.",
    )
    demo_data: Path | None = Field(
        None, description="Photographs for `graft demo`: a zip or a folder of class folders."
    )
    cache_dir: Path | None = Field(
        None, description="Decoded images of this machine's jobs; empty means in the data folder."
    )
    image_cache_bytes: int = Field(
        20 * GIB,
        ge=0,
        description="Largest size of the decoded images; the least recently used are deleted.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to train and serve; `cuda` never falls back to the CPU."
    )
    num_threads: int = Field(
        default_factory=_num_cpus,
        ge=1,
        le=256,
        description="Threads of a batch prediction, and of a training job that names no number.",
    )
    num_processes: int = Field(
        1, ge=1, le=64, description="Processes of a training job; on CUDA each one has a GPU."
    )

    database_seconds: float = Field(
        20.0,
        gt=0,
        description="A database call of the API that takes longer, or waits longer for a lock, is "
        "answered with 503. PostgreSQL ends a transaction in which the API does nothing for as "
        "long.",
    )
    heartbeat_seconds: float = Field(
        5.0, gt=0, description="Time between two heartbeats of a worker."
    )
    lease_seconds: float = Field(
        30.0,
        gt=0,
        description="A lease without a heartbeat for this long expires. PostgreSQL ends a "
        "transaction in which a worker does nothing for as long.",
    )
    silence_seconds: float = Field(
        20.0,
        gt=0,
        description="A worker without a successful heartbeat for this long stops its child.",
    )
    idle_poll_seconds: float = Field(
        5.0, gt=0, description="How often an idle worker looks for work by itself."
    )
    notify_seconds: float = Field(
        15.0, gt=0, description="How often workers are notified while work is queued."
    )
    progress_timeout_seconds: float = Field(
        600.0, gt=0, description="A child that reports nothing for this long is killed."
    )
    drain_seconds: float = Field(
        10.0, gt=0, description="A child that has not ended this long after SIGTERM is killed."
    )

    max_connections: int = Field(
        1000,
        ge=16,
        description="Connections of an API process; above it, or near the limit of open files, the "
        "one that has waited longest for its client is closed.",
    )
    max_header_bytes: int = Field(
        32 * 1024, ge=1024, description="Cap of a request's line and headers; larger ones get 431."
    )
    header_seconds: float = Field(
        10.0, gt=0, description="A request whose headers take longer to arrive gets 408."
    )
    send_seconds: float = Field(
        60.0, gt=0, description="A client that takes nothing of its answer this long is cut."
    )

    max_json_bytes: int = Field(1 * MIB, ge=1, description="Cap of a JSON body.")
    max_upload_bytes: int = Field(20 * GIB, ge=1, description="Cap of a dataset upload.")
    max_unpacked_bytes: int = Field(100 * GIB, ge=1, description="Cap of an unpacked archive.")
    max_archive_files: int = Field(150_000, ge=1, description="Cap of an archive's entries.")
    max_bad_image_fraction: float = Field(
        0.1, ge=0, le=1, description="Share of unreadable images above which a dataset is invalid."
    )
    max_image_bytes: int = Field(32 * MIB, ge=1, description="Cap of one image file.")
    max_image_pixels: int = Field(100_000_000, ge=1, description="Cap of one image's pixels.")
    max_pixels_in_flight: int = Field(
        128_000_000,
        ge=1,
        description="Pixels that a process of the API decodes at a time, of up to 16 bytes each; "
        "further images wait.",
    )
    max_predict_bytes: int = Field(128 * MIB, ge=1, description="Cap of a predict body.")
    upload_stall_seconds: float = Field(
        30.0, gt=0, description="A body of which less than 4 KiB arrive in this time gets 408."
    )
    body_seconds: float = Field(
        25.0, gt=0, description="A JSON or predict body that takes longer to arrive gets 408."
    )
    upload_expires_seconds: float = Field(
        86_400.0, gt=0, description="A resumable upload that gets no byte this long is deleted."
    )

    predict_engine: Literal["auto", "torch", "openvino", "onnxruntime"] = Field(
        "auto", description="What runs models; `auto` is OpenVINO on x86 where it is installed."
    )
    predict_precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="Precision that models compute in; `auto` is the device's fastest."
    )
    predict_decode_on: Literal["cpu", "gpu"] = Field(
        "cpu",
        description="Where plain JPEGs are decoded and resized for predictions; `gpu` needs CUDA.",
    )
    predict_lanes: int = Field(
        default_factory=lambda given: _num_lanes(given["api_processes"]),
        ge=1,
        le=256,
        description="Threads that predict in each process of the API.",
    )
    predict_gpu_lanes: int = Field(
        default_factory=lambda given: 2 * _num_lanes(given["api_processes"]),
        ge=1,
        le=512,
        description="Threads that predict on CUDA: some decode while others wait for the device.",
    )
    predict_batch_size: int = Field(
        4, ge=1, le=256, description="Largest number of images that a lane takes at once."
    )
    predict_gpu_batch_size: int = Field(
        64, ge=1, le=1024, description="Largest batch on CUDA, of images from several lanes."
    )
    predict_queue_size: int = Field(
        256, ge=1, description="Images that may wait for a lane; more are answered with 503."
    )
    predict_max_bytes_in_flight: int = Field(
        1 * GIB,
        ge=1,
        description="Memory for predict bodies; above it, requests are answered with 503 unread.",
    )
    predict_deadline_seconds: float = Field(
        30.0, gt=0, description="A prediction that takes longer is answered with 504."
    )
    predict_refresh_seconds: float = Field(
        1.0,
        gt=0,
        description="How often promotions are looked up, so that a version is loaded before the "
        "first request for it.",
    )
    shadow_refresh_seconds: float = Field(
        5.0, gt=0, description="How often a shadow is looked up and its counts are stored."
    )
    model_cache_bytes: int = Field(
        2 * GIB, ge=1, description="Memory for the weights of loaded models."
    )

    keep_job_events_days: float = Field(
        0, ge=0, description="Days that a finished job's events are kept; 0 keeps them for ever."
    )
    keep_batch_results_days: float = Field(
        0, ge=0, description="Days that a batch prediction's results are kept; 0: for ever."
    )
    keep_idempotent_answers_days: float = Field(
        7, gt=0, description="Days in which a repeated Idempotency-Key gets the first answer."
    )
    keep_work_items_days: float = Field(
        1, gt=0, description="Days that finished items of the work queue are kept."
    )
    keep_unreferenced_files_days: float = Field(
        1, ge=0.1, description="Age in days at which files that nothing refers to are deleted."
    )

    log_format: Literal["text", "json"] = Field(
        "text", description="Form of log lines; `json` is one object a line."
    )
    otlp_endpoint: str = Field(
        "",
        description="Collector of traces (OTLP/HTTP), such as http://localhost:4318; empty: no "
        "traces. Needs the extra `otel`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_renamed(cls, values: Any) -> Any:
        given = {name.upper() for name in os.environ}
        for old, new in RENAMED.items():
            if old in given:
                raise ValueError(f"{old} is not a setting any more: it is called {new} now.")
        return values

    @field_validator("storage_url")
    @classmethod
    def _require_folder(cls, url: str) -> str:
        scheme, _, path = url.partition("://")
        if url and (scheme != "file" or not path.startswith("/")):
            raise ValueError("it must be file:///absolute/path.")
        return url

    @field_validator("cors_origins")
    @classmethod
    def _require_origins(cls, origins: str) -> str:
        for origin in split_list(origins):
            scheme, _, host = origin.partition("://")
            if scheme not in {"http", "https"} or not host or "/" in host or "*" in host:
                raise ValueError(f"'{origin}' must be an origin such as https://app.example.org.")
        return origins

    @property
    def sqlalchemy_url(self) -> str:
        """The database to use, with the driver this service ships for PostgreSQL."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.absolute() / 'graft.db'}"
        scheme, separator, rest = self.database_url.partition("://")
        if scheme in {"postgres", "postgresql"}:
            scheme = "postgresql+psycopg"
        return scheme + separator + rest

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file; None for PostgreSQL."""
        scheme, _, path = self.sqlalchemy_url.partition(":///")
        return Path(path).absolute() if scheme.startswith("sqlite") and path else None

    @property
    def image_cache_dir(self) -> Path:
        """The folder of decoded images."""
        return (self.cache_dir or self.data_dir / "cache").absolute()

    @property
    def celery_broker_url(self) -> str:
        """The broker to use."""
        return self.broker_url or f"sqla+sqlite:///{self.data_dir.absolute() / 'broker.db'}"

    @property
    def storage_dir(self) -> Path:
        """The folder of the artifact store."""
        if not self.storage_url:
            return self.data_dir.absolute() / "storage"
        return Path(self.storage_url.removeprefix("file://"))


def split_list(text: str) -> list[str]:
    """Return the entries of a setting that has several, with commas."""
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def environment_with(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings in it, for a process that is to share them."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return os.environ | {
        f"GRAFT_{name.upper()}": json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in values.items()
    }


def find_visible_gpus() -> list[str] | None:
    """Return the numbers or ids of the GPUs that CUDA may use; None if all of them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if visible is None else [one.strip() for one in visible.split(",") if one.strip()]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process; raises SettingsInvalid, in one line."""
    try:
        return Settings()
    except ValidationError as error:
        # Errors in defaults that depend on a wrong value are not the user's mistake.
        wrong = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
        raise SettingsInvalid(" ".join(map(_describe_error, wrong))) from error


def _describe_error(error: ErrorDetails) -> str:
    """Describe which variable is wrong, what its value is, and what is allowed."""
    cause = error.get("ctx", {}).get("error")
    if not error["loc"]:
        return str(cause or error["msg"])
    name = str(error["loc"][0])
    allowed = str(cause) if cause else f"it must be {_describe_allowed(name)}."
    return f"GRAFT_{name.upper()} is '{error['input']}'; {allowed}"


def _describe_allowed(name: str) -> str:
    field = Settings.model_fields[name]
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    kind = _KINDS.get(field.annotation, "a text")
    bounds = {
        sign: getattr(bound, sign)
        for bound in field.metadata
        for sign in ("ge", "gt", "le")
        if hasattr(bound, sign)
    }
    if "ge" in bounds and "le" in bounds:
        return f"{kind} from {bounds['ge']} to {bounds['le']}"
    if "ge" in bounds:
        return f"{kind} of at least {bounds['ge']}"
    if "gt" in bounds:
        return f"{kind} greater than {bounds['gt']}"
    return kind


_KINDS: dict[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
}

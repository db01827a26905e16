"""The errors of the service, independent of HTTP.

    GraftError
    ├── InputError                   the request is wrong
    │   ├── ValidationFailed         fields are wrong; lists what is allowed
    │   ├── BadJson, BodyTooLarge, BodyIncomplete, and those of `app.request_errors`
    │   ├── ArchiveError             the uploaded archive is rejected
    │   │   ├── ArchiveInvalid, ArchiveUnsupported, ArchiveUnsafePath, ArchiveUnsafeEntry
    │   │   └── ArchiveTooLarge, ArchiveTooManyFiles, ArchiveDuplicate
    │   ├── DatasetLayout, DatasetBadImages
    │   ├── UnsupportedImage, ImageCorrupt, ImageTooLarge
    │   └── WeightsUnavailable
    ├── Unauthenticated, Forbidden, RateLimited, QuotaExceeded   the sender may not
    ├── NotFound
    ├── Conflict                     the current state does not allow the request
    │   ├── IllegalTransition, IdempotencyConflict, InUse, NameTaken
    │   ├── ModelNotReady, NotCalibrated, GateFailed
    │   ├── ReportNotReady, PredictionsNotReady, ResultsNotReady, NotComparable
    │   └── DatasetInvalid, BudgetTooSmall
    ├── Overloaded, DeadlineExceeded, StorageFull, Unavailable, EngineUnavailable
    ├── ExportMismatch, ExportUnavailable
    ├── CheckpointInvalid            a stored model cannot be read
    └── TrainingError                a training job has failed
        ├── Diverged, GpuOutOfMemory, DeviceUnavailable, TooFewImages
        └── ChildCrashed, NoProgress, LeaseLost

`app.web.problems` maps each to its HTTP status. `code` is part of the API.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class InputProblem:
    """A problem of one field: its location, a message and the allowed values."""

    loc: tuple[str | int, ...]
    message: str
    allowed: tuple[str, ...] | None = None


class GraftError(Exception):
    """The service has failed; its log has the details under the request's id."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InputError(GraftError):
    """The request is invalid."""

    code = "VALIDATION"


class ValidationFailed(InputError):
    """One or more fields are invalid."""

    code = "VALIDATION"

    def __init__(self, *problems: InputProblem) -> None:
        super().__init__(" ".join(_as_sentence(problem.message) for problem in problems))
        self.problems = problems


class BadJson(InputError):
    """The body is not valid JSON."""

    code = "BAD_JSON"


class BodyTooLarge(InputError):
    """The body is larger than the route's limit."""

    code = "BODY_TOO_LARGE"


class BodyIncomplete(InputError):
    """The body ended early or is not a valid multipart form."""

    code = "BODY_INCOMPLETE"


class ArchiveError(InputError):
    """The uploaded archive is rejected."""

    code = "ARCHIVE_INVALID"


class ArchiveInvalid(ArchiveError):
    """The file is not an archive, or it is truncated or damaged."""

    code = "ARCHIVE_INVALID"


class ArchiveUnsupported(ArchiveError):
    """The archive is encrypted, or uses an unsupported compression."""

    code = "ARCHIVE_UNSUPPORTED"


class ArchiveUnsafePath(ArchiveError):
    """An entry's path leads outside the archive or is not a portable file name."""

    code = "ARCHIVE_UNSAFE_PATH"


class ArchiveUnsafeEntry(ArchiveError):
    """An entry is a link, a device, a pipe or a sparse file."""

    code = "ARCHIVE_UNSAFE_ENTRY"


class ArchiveTooLarge(ArchiveError):
    """The unpacked archive is larger than allowed."""

    code = "ARCHIVE_TOO_LARGE"


class ArchiveTooManyFiles(ArchiveError):
    """The archive has more entries than allowed."""

    code = "ARCHIVE_TOO_MANY_FILES"


class ArchiveDuplicate(ArchiveError):
    """Two entries have the same name."""

    code = "ARCHIVE_DUPLICATE"


class DatasetLayout(InputError):
    """The folders do not have a supported dataset layout."""

    code = "DATASET_LAYOUT"


class DatasetBadImages(InputError):
    """Too many of the images cannot be read."""

    code = "DATASET_BAD_IMAGES"


class UnsupportedImage(InputError):
    """The image format is not supported."""

    code = "UNSUPPORTED_IMAGE"


class ImageCorrupt(InputError):
    """The image is truncated or cannot be decoded."""

    code = "IMAGE_CORRUPT"


class ImageTooLarge(InputError):
    """The image has more pixels than allowed."""

    code = "IMAGE_TOO_LARGE"


class WeightsUnavailable(InputError):
    """The requested pretrained weights are not available."""

    code = "WEIGHTS_UNAVAILABLE"


class Unauthenticated(GraftError):
    """The request has no valid API key."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str, *, is_invalid: bool = False) -> None:
        """`is_invalid` says that there is a key, which is not valid."""
        super().__init__(message)
        self.is_invalid = is_invalid


class Forbidden(GraftError):
    """The API key lacks a scope that the route needs."""

    code = "FORBIDDEN"

    def __init__(self, message: str, *, scopes: Sequence[str] = ()) -> None:
        """`scopes` are those that are missing."""
        super().__init__(message)
        self.scopes = tuple(scopes)


class NotFound(GraftError):
    """The resource does not exist."""

    code = "NOT_FOUND"


class Conflict(GraftError):
    """The current state does not allow the request."""

    code = "CONFLICT"


class IllegalTransition(Conflict):
    """The job's status does not allow this transition."""

    code = "ILLEGAL_TRANSITION"


class IdempotencyConflict(Conflict):
    """The Idempotency-Key was used before with another body."""

    code = "IDEMPOTENCY_CONFLICT"


class InUse(Conflict):
    """Another resource still uses this one."""

    code = "IN_USE"


class ModelNotReady(Conflict):
    """No model has been chosen or registered yet."""

    code = "MODEL_NOT_READY"


class NotCalibrated(Conflict):
    """The version was registered without calibration."""

    code = "NOT_CALIBRATED"


class GateFailed(Conflict):
    """The version does not pass the model's gate, or cannot be compared with the champion."""

    code = "GATE_FAILED"


class ReportNotReady(Conflict):
    """The job has no report yet, or ended without one."""

    code = "REPORT_NOT_READY"


class PredictionsNotReady(Conflict):
    """The job has no stored predictions yet, or ended without them."""

    code = "PREDICTIONS_NOT_READY"


class NotComparable(Conflict):
    """Two models were evaluated on different images."""

    code = "NOT_COMPARABLE"


class ResultsNotReady(Conflict):
    """The batch has no results yet, or ended without them."""

    code = "RESULTS_NOT_READY"


class DatasetInvalid(Conflict):
    """The dataset was rejected by its check."""

    code = "DATASET_INVALID"


class BudgetTooSmall(Conflict):
    """No architecture can be trained within the budget."""

    code = "BUDGET_TOO_SMALL"


class ExportMismatch(GraftError):
    """An exported file gave other predictions than the model and was deleted."""

    code = "EXPORT_MISMATCH"


class ExportUnavailable(GraftError):
    """The worker lacks a library for this format."""

    code = "EXPORT_UNAVAILABLE"


class Overloaded(GraftError):
    """The queue is full; try again after `retry_after_seconds`."""

    code = "OVERLOADED"

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(Overloaded):
    """The tenant has sent more requests a second than it may."""

    code = "RATE_LIMITED"


class QuotaExceeded(GraftError):
    """The tenant has as much stored, or as many unfinished jobs, as it may."""

    code = "QUOTA_EXCEEDED"


class DeadlineExceeded(GraftError):
    """The request exceeded its deadline."""

    code = "DEADLINE_EXCEEDED"


class StorageFull(GraftError):
    """The storage has no space left."""

    code = "STORAGE_FULL"


class Unavailable(GraftError):
    """The database or the storage is not available."""

    code = "UNAVAILABLE"


class EngineUnavailable(GraftError):
    """The requested engine is not installed or does not support the requested precision."""

    code = "ENGINE_UNAVAILABLE"


class CheckpointInvalid(GraftError):
    """A stored checkpoint is damaged, or was written by a newer version."""

    code = "CHECKPOINT_INVALID"


class TrainingError(GraftError):
    """The training has failed; the job's `error` has the reason."""

    code = "TRAINING_FAILED"


class Diverged(TrainingError):
    """The loss is not a finite number."""

    code = "DIVERGED"


class GpuOutOfMemory(TrainingError):
    """The batch does not fit in the device's memory."""

    code = "GPU_OUT_OF_MEMORY"


class DeviceUnavailable(TrainingError):
    """The requested device does not exist on the worker."""

    code = "DEVICE_UNAVAILABLE"


class TooFewImages(TrainingError):
    """The dataset has too few images to train on."""

    code = "TOO_FEW_IMAGES"


class ChildCrashed(TrainingError):
    """The worker's child process crashed three times in a row."""

    code = "CHILD_CRASHED"


class NoProgress(TrainingError):
    """The worker's child process made no progress for too long."""

    code = "NO_PROGRESS"


class LeaseLost(TrainingError):
    """Three workers in a row disappeared while they ran the work."""

    code = "LEASE_LOST"


def _as_sentence(message: str) -> str:
    return message if message.endswith((".", "?", "!")) else f"{message}."


def recall_error(code: str, message: str) -> GraftError:
    """Return the error of a stored code and message."""
    classes: list[type[GraftError]] = [GraftError]
    for error in classes:
        classes += error.__subclasses__()
    named = (error for error in classes if error.code == code and error is not ValidationFailed)
    return next(named, GraftError)(message)

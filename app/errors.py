"""The domain's errors.

    GraftError
    ├── InputError                   the caller can correct it
    │   ├── ValidationFailed         a field is wrong; lists what is allowed
    │   ├── BadJson, BodyTooLarge, BodyIncomplete
    │   ├── ArchiveError             the uploaded archive
    │   │   ├── ArchiveInvalid, ArchiveUnsupported, ArchiveUnsafePath, ArchiveUnsafeEntry
    │   │   └── ArchiveTooLarge, ArchiveTooManyFiles, ArchiveDuplicate
    │   ├── DatasetLayout, DatasetBadImages
    │   ├── UnsupportedImage, ImageCorrupt, ImageTooLarge
    │   └── WeightsUnavailable
    ├── NotFound
    ├── Conflict                     the current state does not allow it
    │   ├── IllegalTransition, IdempotencyConflict, InUse, NameTaken
    │   ├── ModelNotReady, NotCalibrated, GateFailed
    │   └── ReportNotReady, ResultsNotReady, DatasetInvalid
    ├── Overloaded, DeadlineExceeded, StorageFull, Unavailable, EngineUnavailable
    ├── ExportMismatch, ExportUnavailable
    ├── CheckpointInvalid            a stored model that cannot be read here
    └── TrainingError                a job's own failure
        ├── Diverged, GpuOutOfMemory, DeviceUnavailable, TooFewImages
        └── ChildCrashed, NoProgress, LeaseLost

Nothing here knows HTTP; `app.web.problems` gives each its status. `code` is part of the contract.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class InputProblem:
    """An error of one field: its place, what is wrong, what is allowed."""

    loc: tuple[str | int, ...]
    message: str
    allowed: tuple[str, ...] | None = None


class GraftError(Exception):
    """The service itself failed; its log has the details under the request's id."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InputError(GraftError):
    """The request cannot be accepted as it is."""

    code = "VALIDATION"


class ValidationFailed(InputError):
    """One or more fields are wrong."""

    code = "VALIDATION"

    def __init__(self, *problems: InputProblem) -> None:
        super().__init__(" ".join(_as_sentence(problem.message) for problem in problems))
        self.problems = problems


class BadJson(InputError):
    """The body is not JSON that can be read."""

    code = "BAD_JSON"


class BodyTooLarge(InputError):
    """The body is over the limit of its route."""

    code = "BODY_TOO_LARGE"


class BodyIncomplete(InputError):
    """The body ended early or is not the multipart form it claims to be."""

    code = "BODY_INCOMPLETE"


class ArchiveError(InputError):
    """The uploaded archive cannot be accepted."""

    code = "ARCHIVE_INVALID"


class ArchiveInvalid(ArchiveError):
    """Not an archive, truncated, or damaged."""

    code = "ARCHIVE_INVALID"


class ArchiveUnsupported(ArchiveError):
    """Encrypted, or compressed in a way this service does not read."""

    code = "ARCHIVE_UNSUPPORTED"


class ArchiveUnsafePath(ArchiveError):
    """An entry's name points outside the archive or cannot be a file name everywhere."""

    code = "ARCHIVE_UNSAFE_PATH"


class ArchiveUnsafeEntry(ArchiveError):
    """An entry is a link, a device, a pipe or a sparse file."""

    code = "ARCHIVE_UNSAFE_ENTRY"


class ArchiveTooLarge(ArchiveError):
    """The archive unpacks to more bytes than allowed."""

    code = "ARCHIVE_TOO_LARGE"


class ArchiveTooManyFiles(ArchiveError):
    """The archive has more entries than allowed."""

    code = "ARCHIVE_TOO_MANY_FILES"


class ArchiveDuplicate(ArchiveError):
    """Two entries have the same name."""

    code = "ARCHIVE_DUPLICATE"


class DatasetLayout(InputError):
    """The folders are not one of the layouts a dataset can have."""

    code = "DATASET_LAYOUT"


class DatasetBadImages(InputError):
    """Too many of the images cannot be read."""

    code = "DATASET_BAD_IMAGES"


class UnsupportedImage(InputError):
    """Not an image format this service reads."""

    code = "UNSUPPORTED_IMAGE"


class ImageCorrupt(InputError):
    """The image ends early or does not decode."""

    code = "IMAGE_CORRUPT"


class ImageTooLarge(InputError):
    """The image's header announces more pixels than allowed."""

    code = "IMAGE_TOO_LARGE"


class WeightsUnavailable(InputError):
    """The requested pretrained weights are not available here."""

    code = "WEIGHTS_UNAVAILABLE"


class NotFound(GraftError):
    """The resource does not exist, or it is not the caller's."""

    code = "NOT_FOUND"


class Conflict(GraftError):
    """The current state does not allow it."""

    code = "CONFLICT"


class IllegalTransition(Conflict):
    """The job's status does not allow this step."""

    code = "ILLEGAL_TRANSITION"


class IdempotencyConflict(Conflict):
    """The Idempotency-Key was used before with another body."""

    code = "IDEMPOTENCY_CONFLICT"


class InUse(Conflict):
    """Something else still needs it."""

    code = "IN_USE"


class ModelNotReady(Conflict):
    """No model has been chosen or registered yet."""

    code = "MODEL_NOT_READY"


class NotCalibrated(Conflict):
    """The version was registered without calibration."""

    code = "NOT_CALIBRATED"


class GateFailed(Conflict):
    """The version does not pass the model's gate, or cannot be compared there."""

    code = "GATE_FAILED"


class ReportNotReady(Conflict):
    """The job has no report, or not yet."""

    code = "REPORT_NOT_READY"


class ResultsNotReady(Conflict):
    """The batch has no results, or not yet."""

    code = "RESULTS_NOT_READY"


class DatasetInvalid(Conflict):
    """The dataset was rejected when it was checked."""

    code = "DATASET_INVALID"


class BudgetTooSmall(Conflict):
    """Nothing can be trained within the budget."""

    code = "BUDGET_TOO_SMALL"


class ExportMismatch(GraftError):
    """An exported file answered differently from the model, and was deleted."""

    code = "EXPORT_MISMATCH"


class ExportUnavailable(GraftError):
    """The worker lacks a library that this format needs."""

    code = "EXPORT_UNAVAILABLE"


class Overloaded(GraftError):
    """The queue is full; try again after `retry_after_seconds`."""

    code = "OVERLOADED"

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DeadlineExceeded(GraftError):
    """No answer within the request's deadline."""

    code = "DEADLINE_EXCEEDED"


class StorageFull(GraftError):
    """The storage has no space left."""

    code = "STORAGE_FULL"


class Unavailable(GraftError):
    """The database or the storage does not answer."""

    code = "UNAVAILABLE"


class EngineUnavailable(GraftError):
    """The engine that was asked for is not installed, or does not run as it was asked to."""

    code = "ENGINE_UNAVAILABLE"


class CheckpointInvalid(GraftError):
    """A stored file is not the checkpoint it should be, or from a newer version."""

    code = "CHECKPOINT_INVALID"


class TrainingError(GraftError):
    """A job's own failure, shown in the job's `error`."""

    code = "TRAINING_FAILED"


class Diverged(TrainingError):
    """The loss is no longer a finite number."""

    code = "DIVERGED"


class GpuOutOfMemory(TrainingError):
    """The batch does not fit the device's memory."""

    code = "GPU_OUT_OF_MEMORY"


class DeviceUnavailable(TrainingError):
    """The requested device is not there."""

    code = "DEVICE_UNAVAILABLE"


class TooFewImages(TrainingError):
    """An epoch would be a single image."""

    code = "TOO_FEW_IMAGES"


class ChildCrashed(TrainingError):
    """The worker's child process died three times."""

    code = "CHILD_CRASHED"


class NoProgress(TrainingError):
    """The child was alive but silent for too long."""

    code = "NO_PROGRESS"


class LeaseLost(TrainingError):
    """Three workers in a row disappeared while they held the work."""

    code = "LEASE_LOST"


def _as_sentence(message: str) -> str:
    return message if message.endswith((".", "?", "!")) else f"{message}."


def recall_error(code: str, message: str) -> GraftError:
    """Return the error of this code with the message that was stored."""
    classes: list[type[GraftError]] = [GraftError]
    for error in classes:
        classes += error.__subclasses__()
    named = (error for error in classes if error.code == code and error is not ValidationFailed)
    return next(named, GraftError)(message)

"""Examples of errors: what the service answers with each code."""

from collections.abc import Callable
from typing import Any

from app import errors, request_errors, upload_errors
from app.access.route_scopes import find_required
from app.errors import GraftError
from app.recipes.schemas import DATASET_ID, JOB_ID
from app.sign_in.errors import SignInExpired, SignInRefused
from app.web.content_types import CONTENT_TYPE, FORM
from app.web.openapi.invalid_input import make_input_problem
from app.web.openapi.operation import Operation
from app.web.problems import list_field_errors, make_problem, status_of

_REQUEST_ID = "req_2fb63caa7711ac1b"
_MODEL = "ants-and-bees:3"
UPLOAD_ID = "upl_01k0w1rhzemcbybsywa1w8p9"


_MISSING = {
    "dataset_id": "There is no dataset '{dataset_id}'.",
    "image_id": "There is no image {image_id} in the dataset '{dataset_id}'.",
    "job_id": "There is no job '{job_id}'.",
    "study_id": "There is no study '{study_id}'.",
    "analysis_id": "There is no analysis request {analysis_id}.",
    "name": "There is no model '{name}'.",
    "version": "There is no version {version} of a model '{name}'.",
    "alias": "There is no alias '{alias}' of a model '{name}'.",
    "key_id": "There is no key '{key_id}'.",
    "batch_id": "There is no batch prediction {batch_id}.",
    "upload_id": "There is no upload '{upload_id}'.",
}
"""What is missing, by the last parameter in the path."""


def _describe_missing(operation: Operation) -> str:
    values = operation.path_values
    if "/evaluations/" in operation.path:
        return (
            f"{_MODEL} has not been evaluated on the val split of {DATASET_ID}; POST to its "
            "`evaluate` first."
        )
    if values:
        *_, last = values
        return _MISSING.get(last, "There is no such resource.").format_map(values)
    needs_model = operation.path in {"/predict", "/serving"}
    return _MISSING["name" if needs_model else "dataset_id"].format(
        name="ants-and-bees", dataset_id=DATASET_ID
    )


def _describe_missing_scope(operation: Operation) -> str:
    route = f"{operation.method} {operation.path}"
    needed = " and ".join(f"`{scope}`" for scope in find_required(route) or ())
    return (
        f"'ci' lacks the scope {needed}, which {route} needs. Use a key that has it, or ask an "
        "administrator for one."
    )


def _describe_conflict(operation: Operation) -> str:
    if operation.path.endswith("/rollback"):
        return "ants-and-bees@champion has no previous version; point it to a version instead."
    if "/quanti" in operation.path:
        return f"{_MODEL} is in int8 already; use its original, ants-and-bees:2."
    if operation.path.endswith("/export"):
        return f"{_MODEL} is in int8; export its original, ants-and-bees:2."
    if "/aliases/" in operation.path or operation.path.endswith("/gate"):
        return "The gate of ants-and-bees was changed at the same time; try again."
    return f"{DATASET_ID} is still being ingested; try again once it is ready."


def _describe_transition(operation: Operation) -> str:
    subject = {"studies": "study", "predictions": "batch"}.get(operation.path.split("/")[1], "job")
    if operation.method == "DELETE":
        return f"A running {subject} cannot be deleted; cancel it first."
    action = operation.path.rsplit("/", 1)[-1]
    done = {"cancel": "cancelled", "stop": "stopped", "resume": "resumed"}.get(action, "changed")
    return f"A succeeded {subject} cannot be {done}: it has ended."


def _describe_use(operation: Operation) -> str:
    if "alias" in operation.path_values:
        return (
            "ants-and-bees@champion is the chosen model or its shadow; choose another one first "
            "(PUT /serving)."
        )
    if "version" in operation.path_values:
        return f"These aliases point to {_MODEL}: champion; move or delete them first."
    return f"An unfinished job or batch uses {DATASET_ID}; wait for it or cancel it first."


def _describe_size(operation: Operation) -> str:
    num_bytes = 2**20
    if operation.path == "/predict" or operation.path.startswith("/v2"):
        num_bytes = 128 * 2**20
    elif FORM in operation.bodies:
        num_bytes = 20 * 2**30
    return f"The body is larger than the {num_bytes} bytes allowed here."


_DETAILS: dict[type[GraftError], str | Callable[[Operation], str]] = {
    GraftError: "The service failed; its log has the details under this request's id.",
    errors.BadJson: "The body is not JSON: Expecting value at line 1, column 17.",
    errors.BodyTooLarge: _describe_size,
    request_errors.RequestTimeout: "The client sent less than 4096 bytes of the body in 30 "
    "seconds; send the request again.",
    request_errors.CrossOrigin: "A page of 'https://other.example' sent this request; only pages "
    "of this service may change something here. Add the page's origin to GRAFT_CORS_ORIGINS to "
    "allow it.",
    errors.BodyIncomplete: "The connection was closed before the body was complete.",
    errors.ArchiveInvalid: "The zip has no directory at its end: it is cut off or damaged.",
    errors.ArchiveUnsupported: "The archive is encrypted; send it without a password.",
    errors.ArchiveUnsafePath: "The entry name '../0013035.jpg' leads out of its folder.",
    errors.ArchiveUnsafeEntry: "'train/ants/link.jpg' is a link or a device, not a file.",
    errors.ArchiveTooLarge: "The archive unpacks to more than the 107374182400 bytes allowed.",
    errors.ArchiveTooManyFiles: "The archive has more than the 150000 entries allowed.",
    errors.ArchiveDuplicate: "The archive has two entries 'train/ants/0013035.jpg'.",
    errors.DatasetLayout: "There is no train folder. Found: val (2 classes). Name the folder of "
    "the training images train, or upload the class folders alone.",
    errors.DatasetBadImages: "60 of 400 images cannot be read; the largest share allowed is 0.1 "
    "(GRAFT_MAX_BAD_IMAGE_FRACTION). The first one: train/ants/0013035.jpg: truncated. Remove or "
    "repair these files.",
    errors.UnsupportedImage: "The image's format is HEIC or HEIF, which is not supported. Save it "
    "as JPEG or PNG; supported formats are JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF and binary PGM "
    "and PPM.",
    errors.ImageCorrupt: "The image is truncated or damaged and cannot be decoded. Save or export "
    "it again.",
    errors.ImageTooLarge: "The image has 30000 x 20000 pixels; at most 100000000 are allowed.",
    errors.WeightsUnavailable: "The pretrained weights IMAGENET1K_V1 of squeezenet1_0 are not on "
    "this machine and may not be downloaded. Put 'squeezenet1_0.safetensors' into the folder named "
    'by GRAFT_WEIGHTS_DIR, or train without them with "weights": "none". '
    "This machine has the weights of: resnet18.",
    errors.Unauthenticated: "The API key is not valid: it is unknown, expired or revoked. Ask an "
    "administrator for a new one.",
    SignInExpired: "This is not the answer to a sign-in of this browser, or it took too "
    "long. Sign in again.",
    SignInRefused: "The OpenID provider refused the sign-in: access_denied.",
    errors.Forbidden: _describe_missing_scope,
    errors.NotFound: _describe_missing,
    errors.Conflict: _describe_conflict,
    errors.IllegalTransition: _describe_transition,
    errors.IdempotencyConflict: "This Idempotency-Key was used with another body; use a new key "
    "for a new request.",
    errors.InUse: _describe_use,
    errors.ModelNotReady: "No model has been chosen yet; run a training job, or choose a model "
    "with PUT /serving.",
    errors.NotCalibrated: f"{_MODEL} was registered without its calibration, so there is no set "
    "of labels for `coverage` 0.95. Leave `coverage` out, or train the model again.",
    errors.GateFailed: f"{_MODEL} does not pass the gate on the val images of {DATASET_ID}. It is "
    "significantly worse (of 153 images, only the champion is right on 12 and only the candidate "
    "on 2; McNemar's exact p = 0.0129 < 0.05).",
    errors.ReportNotReady: f"{JOB_ID} is running; only a succeeded job has a report.",
    errors.PredictionsNotReady: f"{JOB_ID} is running; only a succeeded job has predictions of its "
    "images.",
    errors.NotComparable: f"{JOB_ID} and job_01k0w1rj04t7m2q5v8x1z4b6 were evaluated on "
    "different images: the digests of their datasets are 5603965946b2… and 9f86d081884c…. Compare "
    "jobs on the same images, split and labelled in the same way.",
    errors.ResultsNotReady: "The batch pred_01k0w1rhzemcbybsywa1w8p9 is running; only a succeeded "
    "batch has results.",
    errors.DatasetInvalid: f"{DATASET_ID} is invalid (DATASET_LAYOUT): There is no train folder. "
    "Upload a corrected archive.",
    errors.BudgetTooSmall: "No architecture with available weights trains within "
    "time_budget_seconds; the fastest, squeezenet1_1, needs about 12.4 s. Raise the budget, or "
    "use fewer epochs.",
    errors.ExportMismatch: "The exported model's probabilities differ by 0.004 from the source "
    "model's on the golden image 'noise'; at most 0.001 is allowed.",
    errors.ExportUnavailable: "The format 'onnx' needs 'onnxscript', which the worker does not "
    "have; install graft-server[onnx] in the worker's environment.",
    errors.Overloaded: "256 of at most 256 images wait to be predicted; try again.",
    errors.RateLimited: "The tenant 'default' may send 50 requests a second, and has sent more. "
    "Try again after a second.",
    errors.QuotaExceeded: "100 jobs are queued or running, which is the limit. Wait until one has "
    "ended, cancel one, or ask the operator for more.",
    errors.DeadlineExceeded: "The images were not predicted within 30 seconds; try again.",
    errors.StorageFull: "The storage has no space left.",
    errors.Unavailable: "The database does not respond; try again later.",
    errors.EngineUnavailable: "Quantization needs 'onnx', which the worker does not have; install "
    "graft-server[onnx] in the worker's environment.",
    errors.CheckpointInvalid: f"The file of {_MODEL} cannot be read: it is not in the storage. "
    "Restore it from a backup, or use another version.",
    upload_errors.TusVersionUnsupported: "The header Tus-Resumable is missing; it must be 1.0.0.",
    upload_errors.ChecksumUnsupported: "The checksum algorithm is 'md5'; it must be sha1 or "
    "sha256.",
    upload_errors.ChecksumMismatch: "The sha1 of the 1024 bytes that arrived is "
    "da39a3ee5e6b4b0d3255bfef95601890afd80709, not 2aae6c35c94fcfb415dbe95f408b9ce91ee846ed; they "
    "were dropped. Send them again.",
    upload_errors.UploadOffsetMismatch: f"Upload-Offset is 0, but {UPLOAD_ID} has 1048576 of "
    "2147483648 bytes; continue there.",
    upload_errors.UploadLocked: f"Another request is sending bytes of {UPLOAD_ID}; try again when "
    "it has ended.",
    upload_errors.UploadUnfinished: f"{UPLOAD_ID} has received 1048576 of 2147483648 bytes; send "
    f"the rest (PATCH /uploads/{UPLOAD_ID}) first.",
    upload_errors.UploadUsed: f"{UPLOAD_ID} was used for {DATASET_ID}; each upload can be used "
    "once. Upload the file again to use it again.",
    upload_errors.UploadGone: f"{UPLOAD_ID} expired at 2026-11-22 17:31:04 UTC.",
    errors.TooFewImages: "The dataset has 1 training images; advice needs at least 2.",
    errors.GpuOutOfMemory: "No batch of 1 images fits vit_h_14 into the device's memory. Choose a "
    "smaller input_size.",
}


def make_error_example(error: type[GraftError], operation: Operation) -> dict[str, Any]:
    """Return the body with which an operation answers an error; its detail is an example."""
    if error is errors.ValidationFailed:
        raised: GraftError = errors.ValidationFailed(make_input_problem(operation))
    elif error is request_errors.UnsupportedMediaType:
        expected = tuple(operation.bodies)
        message = (
            f"The body was sent as text/plain; {operation.method} {operation.example_path} expects "
            f"{' or '.join(expected)}"
        )
        wrong = errors.InputProblem(CONTENT_TYPE, message, expected)
        raised = request_errors.UnsupportedMediaType(wrong)
    else:
        detail = _DETAILS[error]
        text = detail if isinstance(detail, str) else detail(operation)
        dataset_id = operation.path_values.get("dataset_id", DATASET_ID)
        raised = error(text.replace(DATASET_ID, dataset_id))
    problem = make_problem(
        status_of(error),
        raised.code,
        raised.message,
        instance=operation.example_path,
        request_id=_REQUEST_ID,
        fields=list_field_errors(raised),
    )
    return problem.model_dump(exclude_none=True)

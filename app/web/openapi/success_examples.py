"""Add examples to successful responses."""

from typing import Any

from app.web.content_types import JSON
from app.web.openapi import resource_examples as examples
from app.web.openapi.operation import Operation, name_of

_BY_OPERATION = {
    "cancel_job": examples.CANCELLING_JOB,
    "stop_job": examples.RUNNING_JOB,
    "resume_job": examples.RESUMED_JOB,
    "cancel_study": examples.CANCELLED_STUDY,
    "cancel_batch": examples.CANCELLED_BATCH,
    "predict": examples.PREDICTION,
}

_BY_SCHEMA = {
    ("DatasetDetail", 202): examples.INGESTING_DATASET,
    ("DatasetDetail", 200): examples.READY_DATASET,
    ("Page_DatasetDetail_", 200): examples.make_page(examples.READY_DATASET),
    ("JobView", 202): examples.QUEUED_JOB,
    ("JobView", 200): examples.SUCCEEDED_JOB,
    ("Page_JobView_", 200): examples.make_page(examples.SUCCEEDED_JOB),
    ("StudyView", 202): examples.STUDY,
    ("StudyView", 200): examples.STUDY,
    ("Page_StudySummary_", 200): examples.make_page(examples.STUDY_SUMMARY),
    ("BatchDetail", 202): examples.QUEUED_BATCH,
    ("BatchDetail", 200): examples.SUCCEEDED_BATCH,
    ("Page_BatchDetail_", 200): examples.make_page(examples.SUCCEEDED_BATCH),
    ("Validation", 202): examples.UNMEASURED_VALIDATION,
    ("Validation", 200): examples.MEASURED_VALIDATION,
}

_PENDING_KINDS = {
    "get_dataset_advice": "advise",
    "get_model_export": "export",
    "quantize_model_version": "quantize",
    "get_model_quantization": "quantize",
}
"""Kinds of pending analyses; the other operations wait for evaluations."""


def add_success_examples(operation: Operation) -> None:
    """Add examples to the operation's JSON responses, where there is one for the schema."""
    for status, response in operation.content["responses"].items():
        media = response.get("content", {}).get(JSON)
        if media is None:
            continue
        schema = name_of(media["schema"].get("$ref", ""))
        example = _find_example(operation.id, schema, int(status))
        if example is not None:
            media["example"] = example


def _find_example(operation_id: str, schema: str, status: int) -> dict[str, Any] | None:
    if schema == "Pending":
        return examples.make_pending(_PENDING_KINDS.get(operation_id, "evaluate"))
    return _BY_OPERATION.get(operation_id, _BY_SCHEMA.get((schema, status)))

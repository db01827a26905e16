"""The operation ids of the OpenAPI document, from which clients make the names of their methods."""

from fastapi.routing import APIRoute

IDS = {
    "GET /datasets/{dataset_id}/images": "list_dataset_images",
    "GET /datasets/{dataset_id}/images/{image_id}": "get_dataset_image",
    "GET /datasets/{dataset_id}/preview.png": "get_dataset_preview",
    "GET /datasets/{dataset_id}/pairs": "list_dataset_pairs",
    "GET /datasets/{dataset_id}/advice": "get_dataset_advice",
    "GET /jobs/validate/{analysis_id}": "get_job_validation",
    "GET /jobs/{job_id}/checkpoints": "list_job_checkpoints",
    "GET /jobs/{job_id}/history": "get_job_history",
    "GET /jobs/{job_id}/history.png": "get_job_history_image",
    "GET /jobs/{job_id}/events": "list_job_events",
    "GET /jobs/{job_id}/events/stream": "stream_job_events",
    "GET /jobs/{job_id}/report": "get_job_report",
    "GET /jobs/{job_id}/confusion_matrix.png": "get_job_confusion_matrix_image",
    "GET /jobs/{job_id}/predictions": "list_job_predictions",
    "GET /jobs/{job_id}/paired_test/images": "list_job_disagreements",
    "GET /models/{name}/versions/{version}/paired_test": "compare_model_versions",
    "GET /studies/{study_id}/curves.png": "get_study_curves_image",
    "PUT /models/{name}/metadata": "set_model_metadata",
    "GET /models/{name}/versions/{version}": "get_model_version",
    "DELETE /models/{name}/versions/{version}": "delete_model_version",
    "GET /models/{name}/versions/{version}/export": "get_model_export",
    "POST /models/{name}/versions/{version}/evaluate": "evaluate_model_version",
    "GET /models/{name}/versions/{version}/evaluations/{dataset_id}": "get_model_evaluation",
    "POST /models/{name}/versions/{version}/quantize": "quantize_model_version",
    "GET /models/{name}/versions/{version}/quantizations/{analysis_id}": "get_model_quantization",
    "PUT /models/{name}/aliases/{alias}": "set_model_alias",
    "DELETE /models/{name}/aliases/{alias}": "delete_model_alias",
    "POST /models/{name}/aliases/{alias}/rollback": "roll_back_model_alias",
    "PUT /models/{name}/gate": "set_model_gate",
    "GET /models/{name}/gate": "get_model_gate",
    "DELETE /models/{name}/gate": "delete_model_gate",
    "GET /models/{name}/events": "list_model_events",
    "PUT /serving": "set_serving",
    "GET /predictions/{batch_id}/results": "get_batch_results",
    "GET /events/stream": "stream_changes",
    "GET /v2": "get_v2_server",
    "GET /v2/health/live": "get_v2_live",
    "GET /v2/health/ready": "get_v2_ready",
    "GET /v2/models/{name}": "get_v2_model",
    "GET /v2/models/{name}/ready": "get_v2_model_ready",
    "POST /v2/models/{name}/infer": "infer_v2_model",
    "GET /v2/models/{name}/versions/{version}": "get_v2_model_version",
    "GET /v2/models/{name}/versions/{version}/ready": "get_v2_model_version_ready",
    "POST /v2/models/{name}/versions/{version}/infer": "infer_v2_model_version",
}
"""Ids of the routes whose function's name says too little outside its module."""


def make_operation_id(route: APIRoute) -> str:
    """Return the id of a route: that in the table, otherwise the name of its function."""
    listed = (IDS.get(f"{method} {route.path_format}") for method in route.methods or ())
    return next(filter(None, listed), route.name)

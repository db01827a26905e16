"""The scopes that every route needs; `tests/contract/test_access.py` finds a route without one."""

from app.access.scopes import Scope

PUBLIC = frozenset(
    {
        "GET /",
        "GET /ui",
        "GET /ui/{path}",
        "GET /docs",
        "GET /redoc",
        "GET /openapi.json",
        "/docs/files",
        "GET /livez",
        "GET /readyz",
        "GET /v2/health/live",
        "GET /v2/health/ready",
        "OPTIONS /uploads",
        "GET /auth",
        "GET /auth/login",
        "GET /auth/callback",
        "POST /auth/session",
        "POST /auth/logout",
    }
)
"""Probes, capabilities, signing in, and files that are the same for all.

A mounted folder has no method.
"""

_EVERYTHING: tuple[Scope, ...] = ("datasets:read", "jobs:read", "models:read")

_ROUTES: dict[tuple[Scope, ...], tuple[str, ...]] = {
    (): (
        "GET /whoami",
        "GET /tenants/me",
        # `datasets:write` or `predict`: app.uploads.router checks it
        "POST /uploads",
        "HEAD /uploads/{upload_id}",
        "PATCH /uploads/{upload_id}",
        "DELETE /uploads/{upload_id}",
    ),
    ("datasets:read",): (
        "GET /datasets",
        "GET /datasets/{dataset_id}",
        "GET /datasets/{dataset_id}/images",
        "GET /datasets/{dataset_id}/images/{image_id}",
        "GET /datasets/{dataset_id}/pairs",
        "GET /datasets/{dataset_id}/preview.png",
        "GET /datasets/{dataset_id}/advice",
    ),
    ("datasets:read", "predict"): ("GET /datasets/{dataset_id}/images/{image_id}/heatmap.png",),
    ("datasets:write",): ("POST /datasets", "DELETE /datasets/{dataset_id}"),
    ("jobs:read",): (
        "GET /architectures",
        "GET /jobs",
        "GET /jobs/validate/{analysis_id}",
        "GET /jobs/{job_id}",
        "GET /jobs/{job_id}/history",
        "GET /jobs/{job_id}/history.png",
        "GET /jobs/{job_id}/events",
        "GET /jobs/{job_id}/events/stream",
        "GET /jobs/{job_id}/checkpoints",
        "GET /jobs/{job_id}/portfolio",
        "GET /jobs/{job_id}/report",
        "GET /jobs/{job_id}/confusion_matrix.png",
        "GET /jobs/{job_id}/predictions",
        "GET /jobs/{job_id}/paired_test",
        "GET /jobs/{job_id}/paired_test/images",
        "GET /studies",
        "GET /studies/{study_id}",
        "GET /studies/{study_id}/curves",
        "GET /studies/{study_id}/curves.png",
        "GET /studies/{study_id}/importance",
    ),
    ("jobs:write",): (
        "POST /jobs",
        "POST /jobs/validate",
        "POST /jobs/{job_id}/cancel",
        "POST /jobs/{job_id}/stop",
        "POST /jobs/{job_id}/resume",
        "DELETE /jobs/{job_id}",
        "POST /studies",
        "POST /studies/{study_id}/cancel",
        "DELETE /studies/{study_id}",
    ),
    ("models:read",): (
        "GET /models",
        "GET /models/{name}",
        "GET /models/{name}/events",
        "GET /models/{name}/gate",
        "GET /models/{name}/versions/{version}",
        "GET /models/{name}/versions/{version}/export",
        "GET /models/{name}/versions/{version}/evaluations/{dataset_id}",
        "GET /models/{name}/versions/{version}/paired_test",
        "GET /models/{name}/versions/{version}/quantizations/{analysis_id}",
        "GET /serving",
    ),
    ("models:write",): (
        "DELETE /models/{name}/versions/{version}",
        "POST /models/{name}/versions/{version}/evaluate",
        "POST /models/{name}/versions/{version}/quantize",
        "PUT /models/{name}/aliases/{alias}",
        "DELETE /models/{name}/aliases/{alias}",
        "POST /models/{name}/aliases/{alias}/rollback",
        "PUT /models/{name}/gate",
        "DELETE /models/{name}/gate",
        "PUT /models/{name}/metadata",
        "PUT /serving",
    ),
    ("predict",): (
        "POST /predict",
        "POST /predictions",
        "GET /predictions",
        "GET /predictions/{batch_id}",
        "GET /predictions/{batch_id}/results",
        "POST /predictions/{batch_id}/cancel",
        "DELETE /predictions/{batch_id}",
        "GET /v2",
        "GET /v2/models/{name}",
        "GET /v2/models/{name}/ready",
        "POST /v2/models/{name}/infer",
        "GET /v2/models/{name}/versions/{version}",
        "GET /v2/models/{name}/versions/{version}/ready",
        "POST /v2/models/{name}/versions/{version}/infer",
    ),
    _EVERYTHING: ("GET /overview", "GET /events/stream"),
    ("metrics",): ("GET /metrics", "GET /service"),
    ("admin",): (
        "POST /keys",
        "GET /keys",
        "DELETE /keys/{key_id}",
        "GET /audit",
        "GET /members",
        "PATCH /members/{member_id}",
    ),
}
"""All the scopes of a group are needed; `()` needs any principal."""

REQUIRED = {route: scopes for scopes, routes in _ROUTES.items() for route in routes}
"""The scopes of each route that is not public, by its method and path."""

UNDECLARED: tuple[Scope, ...] = ("admin",)
"""What a route needs that nobody has declared."""


def find_required(route: str) -> tuple[Scope, ...] | None:
    """Return the scopes that a route needs; None if it is public."""
    return None if route in PUBLIC else REQUIRED.get(route, UNDECLARED)

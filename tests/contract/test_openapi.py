"""The OpenAPI document and its pages."""

import re
from typing import Any

from fastapi.testclient import TestClient

METHODS = {"get", "post", "put", "delete"}


def list_operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_every_route_of_the_contract_exists(client: TestClient) -> None:
    names = {name for name, _ in list_operations(client.get("/openapi.json").json())}
    assert names >= {
        "POST /datasets",
        "GET /datasets",
        "GET /datasets/{dataset_id}",
        "DELETE /datasets/{dataset_id}",
        "GET /datasets/{dataset_id}/images",
        "GET /datasets/{dataset_id}/images/{image_id}",
        "GET /datasets/{dataset_id}/images/{image_id}/heatmap.png",
        "GET /datasets/{dataset_id}/pairs",
        "GET /datasets/{dataset_id}/preview.png",
        "GET /datasets/{dataset_id}/advice",
        "GET /architectures",
        "POST /jobs",
        "GET /jobs",
        "POST /jobs/validate",
        "GET /jobs/validate/{analysis_id}",
        "GET /jobs/{job_id}",
        "DELETE /jobs/{job_id}",
        "GET /jobs/{job_id}/history",
        "GET /jobs/{job_id}/history.png",
        "GET /jobs/{job_id}/report",
        "GET /jobs/{job_id}/predictions",
        "GET /jobs/{job_id}/paired_test",
        "GET /jobs/{job_id}/paired_test/images",
        "GET /models/{name}/versions/{version}/paired_test",
        "GET /jobs/{job_id}/confusion_matrix.png",
        "GET /jobs/{job_id}/events",
        "GET /jobs/{job_id}/events/stream",
        "GET /jobs/{job_id}/checkpoints",
        "POST /jobs/{job_id}/cancel",
        "POST /jobs/{job_id}/stop",
        "POST /jobs/{job_id}/resume",
        "POST /studies",
        "GET /studies",
        "GET /studies/{study_id}",
        "DELETE /studies/{study_id}",
        "GET /studies/{study_id}/curves",
        "GET /studies/{study_id}/curves.png",
        "POST /studies/{study_id}/cancel",
        "GET /models",
        "GET /models/{name}",
        "GET /models/{name}/versions/{version}",
        "DELETE /models/{name}/versions/{version}",
        "PUT /models/{name}/aliases/{alias}",
        "DELETE /models/{name}/aliases/{alias}",
        "POST /models/{name}/aliases/{alias}/rollback",
        "POST /models/{name}/versions/{version}/evaluate",
        "GET /models/{name}/versions/{version}/evaluations/{dataset_id}",
        "PUT /models/{name}/gate",
        "GET /models/{name}/gate",
        "DELETE /models/{name}/gate",
        "GET /models/{name}/events",
        "GET /serving",
        "PUT /serving",
        "POST /predict",
        "POST /predictions",
        "GET /predictions",
        "GET /predictions/{batch_id}",
        "DELETE /predictions/{batch_id}",
        "GET /predictions/{batch_id}/results",
        "POST /predictions/{batch_id}/cancel",
        "GET /v2",
        "GET /v2/health/live",
        "GET /v2/health/ready",
        "GET /v2/models/{name}",
        "GET /v2/models/{name}/ready",
        "POST /v2/models/{name}/infer",
        "GET /v2/models/{name}/versions/{version}",
        "GET /v2/models/{name}/versions/{version}/ready",
        "POST /v2/models/{name}/versions/{version}/infer",
        "GET /overview",
        "GET /events/stream",
        "GET /service",
        "GET /livez",
        "GET /readyz",
    }


def test_every_error_is_declared_as_problem_details(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for name, operation in list_operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (name, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "code" in document["components"]["schemas"]["Problem"]["properties"]


def test_every_route_and_parameter_has_a_description(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for name, operation in list_operations(document):
        assert operation.get("summary"), name
        assert operation.get("description"), name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])


def test_every_field_has_a_description_and_an_example(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    incomplete = []
    for name, schema in schemas.items():
        for field, about in schema.get("properties", {}).items():
            signs = ("'examples'", "'default'", "'enum'", "'const'", "#/components/schemas/")
            described = "description" in about or "$ref" in about
            if not (described and any(sign in str(about) for sign in signs)):
                incomplete.append(f"{name}.{field}")
    assert incomplete == []


def test_references_in_the_document_resolve(client: TestClient) -> None:
    text = client.get("/openapi.json").text
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(schemas)


def test_the_documentation_pages_need_no_other_server(client: TestClient) -> None:
    for path in ("/docs", "/redoc"):
        page = client.get(path).text
        assets = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert assets
        for asset in assets:
            assert not re.match(r"(https?:)?//", asset), (path, asset)
            assert client.get(asset).status_code == 200, (path, asset)

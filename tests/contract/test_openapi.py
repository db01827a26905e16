"""The OpenAPI document and its pages."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from app.recipes.schemas import DATASET_ID, JOB_ID
from app.web.openapi.operation_ids import IDS
from app.web.text import TEXT_PATTERN
from tests.contract.datasets import PHOTOGRAPHS, upload

SCRATCH = {"dataset_id": DATASET_ID, "strategy": "scratch"}
METHODS = {"get", "post", "put", "delete"}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    content: dict[str, Any] = client.get("/openapi.json").json()
    return content


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
        "GET /jobs/{job_id}/portfolio",
        "POST /jobs/{job_id}/cancel",
        "POST /jobs/{job_id}/stop",
        "POST /jobs/{job_id}/resume",
        "POST /studies",
        "GET /studies",
        "GET /studies/{study_id}",
        "DELETE /studies/{study_id}",
        "GET /studies/{study_id}/curves",
        "GET /studies/{study_id}/curves.png",
        "GET /studies/{study_id}/importance",
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


def test_every_error_is_declared_as_problem_details(document: dict[str, Any]) -> None:
    for name, operation in list_operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (name, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "code" in document["components"]["schemas"]["Problem"]["properties"]


def test_every_route_and_parameter_has_a_description(document: dict[str, Any]) -> None:
    for name, operation in list_operations(document):
        assert operation.get("summary"), name
        assert operation.get("description"), name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])
            if parameter["in"] == "path":
                assert parameter["schema"].get("examples"), (name, parameter["name"])


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


def test_references_in_the_document_resolve(document: dict[str, Any]) -> None:
    for node in walk(document):
        if "$ref" in node:
            found: Any = document
            for key in node["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            assert isinstance(found, dict)


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(child)


def list_media(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the operation's name, the status and the media type of every response."""
    for name, operation in list_operations(document):
        for status, response in operation["responses"].items():
            for media in response.get("content", {}).values():
                yield name, status, media


def list_errors(document: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield the operation's name, the status, the code and the example of every declared error."""
    for name, status, media in list_media(document):
        if int(status) >= 400:
            assert media["examples"], (name, status)
            for code, example in media["examples"].items():
                yield name, status, code, example["value"]


def test_every_declared_error_has_an_example(document: dict[str, Any]) -> None:
    for name, status, code, problem in list_errors(document):
        about = (name, status, code)
        method, path = name.split(" ")
        assert (problem["code"], str(problem["status"])) == (code, status), about
        assert problem["request_id"].startswith("req_"), about
        assert re.fullmatch(re.sub(r"\{\w+\}", r"[^/{}]+", path), problem["instance"]), about
        assert problem["detail"].endswith("."), about
        assert ("errors" in problem) == (code in {"VALIDATION", "UNSUPPORTED_MEDIA_TYPE"}), about
        assert ("error" in problem) == path.startswith("/v2"), about
        assert method in {"GET", "POST", "PUT", "DELETE"}


def test_every_code_in_a_description_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in list_operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                codes = re.findall(r"^(?:- )?`([A-Z_]+)`", response["description"], re.MULTILINE)
                (media,) = response["content"].values()
                assert codes == list(media["examples"]), (name, status)


def test_the_examples_of_errors_are_what_the_service_answers(
    client: TestClient, document: dict[str, Any]
) -> None:
    examples = {(name, code): problem for name, _, code, problem in list_errors(document)}
    for name, code, answer in (
        ("GET /jobs/{job_id}", "NOT_FOUND", client.get(f"/jobs/{JOB_ID}")),
        ("GET /models/{name}", "NOT_FOUND", client.get("/models/ants-and-bees")),
        ("GET /datasets", "VALIDATION", client.get("/datasets?limit=0")),
        ("GET /serving", "MODEL_NOT_READY", client.get("/serving")),
        ("POST /jobs", "NOT_FOUND", client.post("/jobs", json=SCRATCH)),
    ):
        told = {key: value for key, value in answer.json().items() if key != "request_id"}
        assert told == {k: v for k, v in examples[name, code].items() if k != "request_id"}


def test_only_routes_with_input_reject_it(document: dict[str, Any]) -> None:
    for name, operation in list_operations(document):
        has_input = bool(operation.get("parameters") or operation.get("requestBody"))
        assert ("422" in operation["responses"]) == has_input, name


def test_no_example_contradicts_its_schema(document: dict[str, Any]) -> None:
    examples = [
        (media["schema"], value)
        for _, _, media in list_media(document)
        for value in (
            *([media["example"]] if "example" in media and "schema" in media else ()),
            *(example["value"] for example in media.get("examples", {}).values()),
        )
    ]
    assert len(examples) > 300
    schemas = (node for node in walk(document) if isinstance(node.get("examples"), list))
    examples += [(schema, value) for schema in schemas for value in schema["examples"]]
    contradictions = [
        (schema.get("$ref") or schema.get("title"), error.json_path, error.message)
        for schema, value in examples
        for error in Draft202012Validator(
            schema | {"components": document["components"]},
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        ).iter_errors(value)
    ]
    assert contradictions == []


def get_example(document: dict[str, Any], path: str, method: str, status: str) -> Any:
    response = document["paths"][path][method]["responses"][status]
    return response["content"]["application/json"]["example"]


def test_the_example_of_a_created_dataset_is_what_an_upload_returns(
    client: TestClient, document: dict[str, Any]
) -> None:
    example = get_example(document, "/datasets", "post", "202")
    created = upload(client, name=example["name"]).json()
    same = ("name", "status", "error", "class_names", "splits", "progress", "report", "digest")
    assert {key: example[key] for key in same} == {key: created[key] for key in same}
    assert example.keys() == created.keys()


def test_the_example_of_a_created_job_is_what_a_request_returns(
    client: TestClient, document: dict[str, Any]
) -> None:
    example = get_example(document, "/jobs", "post", "202")
    dataset = upload(client, name="ants-and-bees").json()
    request = {"dataset_id": dataset["id"], "architecture": "squeezenet1_0", "strategy": "scratch"}
    created = client.post("/jobs", json=request).json()
    other = {"id", "dataset_id", "config", "progress", "created_at"}
    assert {k: v for k, v in example.items() if k not in other} == {
        k: v for k, v in created.items() if k not in other
    }
    assert example.keys() == created.keys()
    assert example["config"].keys() == created["config"].keys()
    assert example["progress"] == created["progress"] | {"epochs": example["config"]["epochs"]}


def test_pending_examples_name_the_kind_of_their_analysis(document: dict[str, Any]) -> None:
    kinds = {
        name: media["example"]["kind"]
        for name, status, media in list_media(document)
        if status == "202" and media["schema"].get("$ref", "").endswith("/Pending")
    }
    assert {kind for name, kind in kinds.items() if "advice" in name} == {"advise"}
    assert {kind for name, kind in kinds.items() if "export" in name} == {"export"}
    assert {kind for name, kind in kinds.items() if "quanti" in name} == {"quantize"}
    assert {kind for name, kind in kinds.items() if "evaluat" in name} == {"evaluate"}


def test_operation_ids_are_unique_and_readable(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in list_operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"create_job", "list_datasets", "predict", "get_job_history"} < set(ids)
    for one in ids:
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", one), one
        assert not re.search(r"_(get|put|post|delete)$", one), one


def test_every_listed_operation_id_belongs_to_a_route(document: dict[str, Any]) -> None:
    assert IDS.keys() <= {name for name, _ in list_operations(document)}


def test_schemas_have_names_of_their_own(document: dict[str, Any]) -> None:
    titles = [node["title"] for node in walk(document) if isinstance(node.get("title"), str)]
    assert [title for title in titles if title.startswith("Response ") or title == "Body"] == []


def test_objects_of_any_keys_have_values_of_one_type(document: dict[str, Any]) -> None:
    assert [node for node in walk(document) if "patternProperties" in node] == []
    metadata = document["components"]["schemas"]["JobRequest"]["properties"]["metadata"]
    assert metadata["propertyNames"] == {"maxLength": 64, "pattern": TEXT_PATTERN}
    assert metadata["additionalProperties"]["type"] == "string"


def test_every_tag_is_described_and_used(document: dict[str, Any]) -> None:
    used = [tag for _, operation in list_operations(document) for tag in operation["tags"]]
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert set(used) == described.keys()
    assert all(text.endswith(".") for text in described.values())
    assert list(dict.fromkeys(used)) == list(described), "routes come in the order of the tags"


def test_form_fields_have_the_types_of_their_content(document: dict[str, Any]) -> None:
    forms = {
        path: document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]
        for path in ("/datasets", "/predictions")
    }
    for form in forms.values():
        fields = form["schema"]["properties"]
        assert fields["metadata"]["type"] == "object"
        assert "contentMediaType" not in str(fields), "Swagger UI would show a file chooser"
        assert form["encoding"] == {"metadata": {"contentType": "application/json"}}
        assert fields["file"] == fields["file"] | {"type": "string", "format": "binary"}


def test_metadata_is_accepted_as_swagger_ui_sends_it(client: TestClient) -> None:
    answer = client.post(
        "/datasets",
        files={
            "file": ("ants.zip", PHOTOGRAPHS),
            "metadata": ("blob", b'{"team": "ants"}', "application/json"),
        },
    )
    assert answer.json()["metadata"] == {"team": "ants"}

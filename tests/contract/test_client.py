"""The Python client reads everything that the service answers.

The client's classes are kept by hand. These tests compare them with the service's OpenAPI schema,
in both directions: a field of the service that the client lacks is a failure, and so is a field
that the client requires although the service does not have it.
"""

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from app.main import create_app
from app.settings import Settings
from graft_client.errors import FieldError
from graft_client.options import JobOptions
from graft_client.schemas import predictions, reports, service
from graft_client.schemas.access import (
    ApiKey,
    AuditEntry,
    CreatedKey,
    Member,
    WaysToSignIn,
    WhoAmI,
)
from graft_client.schemas.jobs import (
    Checkpoint,
    Disagreement,
    Epoch,
    ImagePrediction,
    JobEvent,
    PairedTest,
)
from graft_client.schemas.models import (
    Alias,
    Architecture,
    ChosenModel,
    Evaluation,
    Gate,
    ModelEvent,
    VersionName,
)
from graft_client.schemas.plans import Advice, Validation
from graft_client.schemas.portfolios import Portfolio
from graft_client.schemas.studies import ConfigurationCurve, FieldImportance
from graft_client.schemas.tenants import Tenant
from graft_client.synchronous.batches import Batch
from graft_client.synchronous.datasets import Dataset, DatasetImage, ImagePair
from graft_client.synchronous.jobs import Job
from graft_client.synchronous.models import ListedModel, Model
from graft_client.synchronous.studies import ListedStudy, Study
from graft_client.synchronous.versions import ModelVersion, QuantizedVersion

Schema = dict[str, Any]

ANSWERS: dict[str, type[BaseModel]] = {
    "Advice": Advice,
    "AliasDetail": Alias,
    "Architecture": Architecture,
    "AuditEntry": AuditEntry,
    "BatchDetail": Batch,
    "CheckpointView": Checkpoint,
    "ConfigurationCurve": ConfigurationCurve,
    "FieldImportance": FieldImportance,
    "Disagreement": Disagreement,
    "ChosenModel": ChosenModel,
    "DatasetDetail": Dataset,
    "EpochRow": Epoch,
    "Evaluation": Evaluation,
    "EventView": JobEvent,
    "FailedImage": predictions.BatchLine,
    "Gate": Gate,
    "CreatedKey": CreatedKey,
    "KeyDetail": ApiKey,
    "MemberDetail": Member,
    "SignInWays": WaysToSignIn,
    "WhoAmI": WhoAmI,
    "ImageDetail": DatasetImage,
    "ImageFailure": predictions.FailedPrediction,
    "ImagePair": ImagePair,
    "ImagePrediction": ImagePrediction,
    "ImagePredictions": predictions.ImagePredictions,
    "JobReportView": reports.Report,
    "JobView": Job,
    "ModelDetail": Model,
    "ModelSummary": ListedModel,
    "Overview": service.Overview,
    "PairedTest": PairedTest,
    "Portfolio": Portfolio,
    "Quantization": QuantizedVersion,
    "RegistryEventDetail": ModelEvent,
    "ServiceStatus": service.ServiceState,
    "SinglePrediction": predictions.ImagePredictions,
    "StudySummary": ListedStudy,
    "StudyView": Study,
    "TenantView": Tenant,
    "Validation": Validation,
    "VersionDetail": ModelVersion,
    "VersionName": VersionName,
}
"""The class that reads each schema of an answer."""

WRAPPERS = {
    "History",
    "Checkpoints",
    "StudyCurves",
    "StudyImportance",
    "SeveralPredictions",
    "Pending",
}
"""Schemas whose parts the client reads without a class; pages are such, too."""

OTHER_PROTOCOLS = ("/v2", "/livez", "/readyz", "/metrics")
"""Routes that the client leaves to others: health checks, and the Open Inference Protocol."""

OPEN = {
    ("JobView", "config"): "the fields depend on the version of the service",
    ("JobView", "environment"): "free text",
    ("Resolved", "config"): "as a job's",
    ("Resolved", "advice"): "as the service stores it",
    ("Validation", "config"): "as a job's",
    ("ServiceStatus", "ready"): "as `GET /readyz` answers, for people",
    ("StudySummary", "base"): "fields of a job request",
    ("StudyView", "base"): "fields of a job request",
    ("Search", "space"): "values or ranges by field",
}
"""Fields that the client deliberately gives as plain dictionaries, and why."""

OWN_FIELDS = {"dataset_id", "image", "inference_ms", "model"}
"""Fields that the client adds to an image of a dataset, and to a part of several predictions."""


@pytest.fixture(scope="module")
def openapi() -> Schema:
    return create_app(Settings(weights_download=False)).openapi()


def resolve(openapi: Schema, schema: Schema) -> tuple[str, Schema]:
    """Return the name and content of a schema that is a reference; the name is empty otherwise."""
    if "$ref" not in schema:
        return "", schema
    name = schema["$ref"].rpartition("/")[2]
    return name, openapi["components"]["schemas"][name]


def list_objects(openapi: Schema, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the named objects in a schema, through lists, maps and unions."""
    name, content = resolve(openapi, schema)
    if name and "properties" in content:
        yield name, content
        return
    for key in ("items", "additionalProperties"):
        if isinstance(content.get(key), dict):
            yield from list_objects(openapi, content[key])
    for key in ("anyOf", "oneOf"):
        for one in content.get(key, ()):
            yield from list_objects(openapi, one)


def list_models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation, through lists, dictionaries and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {list, dict, tuple, Union, types.UnionType}:
        for one in get_args(annotation):
            yield from list_models(one)


def list_answers(openapi: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield the route, name and schema of each object that the service answers with."""
    for path, methods in openapi["paths"].items():
        if path.startswith(OTHER_PROTOCOLS):
            continue
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/json")
                if content is None or not status.startswith("2"):
                    continue
                for name, schema in list_objects(openapi, content["schema"]):
                    yield f"{method.upper()} {path}", name, schema


def unwrap(openapi: Schema, name: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the rows of a page or another wrapper, or the object itself."""
    if not name.startswith("Page_") and name not in WRAPPERS:
        yield name, schema
        return
    for one in schema["properties"].values():
        for inner_name, inner in list_objects(openapi, one):
            yield from unwrap(openapi, inner_name, inner)


def compare(openapi: Schema, name: str, schema: Schema, read: type[BaseModel]) -> Iterator[str]:
    """Yield what differs between a schema of the service and the class that reads it."""
    for field in schema["properties"].keys() - read.model_fields.keys():
        yield f"{read.__name__} lacks {field} of {name}"
    for field, info in read.model_fields.items():
        if field in schema["properties"]:
            yield from compare_field(openapi, (name, field), schema["properties"][field], info)
        elif info.is_required() and field not in OWN_FIELDS:
            yield f"{read.__name__} requires {field}, which {name} does not have"


def compare_field(
    openapi: Schema, place: tuple[str, str], schema: Schema, info: Any
) -> Iterator[str]:
    """Yield what differs between a field's schema and the annotation that reads it."""
    objects = list(list_objects(openapi, schema))
    models = list(list_models(info.annotation))
    if len(objects) == len(models) == 1:
        yield from compare(openapi, *objects[0], models[0])
    elif objects and place not in OPEN:
        yield f"{place[0]}.{place[1]} is read as {info.annotation}, not as {objects[0][0]}"


def test_every_answer_of_the_service_is_read(openapi: Schema) -> None:
    answers = list(list_answers(openapi))
    assert len(answers) > 40
    unread = {
        f"{route}: {inner}"
        for route, name, schema in answers
        for inner, _ in unwrap(openapi, name, schema)
        if inner not in ANSWERS
    }
    assert sorted(unread) == []


def test_every_field_of_an_answer_is_read(openapi: Schema) -> None:
    schemas = openapi["components"]["schemas"]
    differences = [
        difference
        for name, read in ANSWERS.items()
        for difference in compare(openapi, name, schemas[name], read)
    ]
    assert sorted(set(differences)) == []


def test_deliberately_open_fields_exist(openapi: Schema) -> None:
    schemas = openapi["components"]["schemas"]
    assert [place for place in OPEN if place[1] not in schemas[place[0]]["properties"]] == []


def test_a_job_can_be_given_every_field(openapi: Schema) -> None:
    request = openapi["components"]["schemas"]["JobRequest"]["properties"].keys()
    assert JobOptions.__annotations__.keys() == request - {"dataset_id"}


def test_problem_details_are_read(openapi: Schema) -> None:
    field_error = openapi["components"]["schemas"]["FieldError"]["properties"]
    assert field_error.keys() == FieldError.__dataclass_fields__.keys()

"""Base classes of the typed answers of the service; unknown fields are ignored."""

from pydantic import BaseModel, ConfigDict


class Resource(BaseModel):
    """A typed answer of the service."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        protected_namespaces=(),
        defer_build=True,  # a command uses few of the classes, and building all takes 0.15 s
    )


class ErrorReason(Resource):
    """The reason why a dataset is invalid or a job failed."""

    code: str
    message: str

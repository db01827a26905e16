"""What all answers of the service have in common: typed values, fields not listed left out."""

from pydantic import BaseModel, ConfigDict


class Resource(BaseModel):
    """A value that the service has answered."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        protected_namespaces=(),
        defer_build=True,  # a command needs few of the classes, and building all takes 0.15 s
    )


class ErrorReason(Resource):
    """Why a dataset is invalid or a job failed."""

    code: str
    message: str

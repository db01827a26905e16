"""Base classes of the service's answers; unknown fields are ignored."""

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """A typed answer of the service, or a part of one."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        protected_namespaces=(),
        defer_build=True,  # a program uses few of the classes, and building all takes 0.15 s
    )


class ErrorReason(Schema):
    """The reason why a dataset is invalid, a job or batch failed, or an image was rejected."""

    code: str
    message: str


class Proportion(Schema):
    """A proportion, 0-1, or a difference of two, with its 95 % interval."""

    value: float
    low: float
    high: float

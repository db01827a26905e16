"""HTTP schemas of the Open Inference Protocol (KServe's "V2"), as far as it is supported.

Source: kserve/open-inference-protocol, "Inference Protocol: HTTP/REST"; binary tensors as in
Triton's "Binary Tensor Data Extension".
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.web.schemas import ApiModel

INPUT_NAME = "image"
OutputName = Literal["probabilities", "logits", "label"]
DEFAULT_OUTPUTS: tuple[OutputName, ...] = ("probabilities", "label")

_SHAPE = Field(min_length=1, max_length=8, description="Sizes of the dimensions.", examples=[[1]])
Size = Annotated[int, Field(ge=0, lt=2**31)]


class ServerLive(ApiModel):
    """The server is live."""

    live: bool = Field(True, description="Always true.")


class ServerReady(ApiModel):
    """The server is ready."""

    ready: bool = Field(True, description="Always true; otherwise the response is an error.")


class ServerMetadata(ApiModel):
    """Name, version and extensions of the server."""

    name: str = Field("graft", description="Always `graft`.")
    version: str = Field(description="Version of the service.", examples=["0.2.0"])
    extensions: list[str] = Field(
        description="Supported extensions of the protocol.", examples=[["binary_tensor_data"]]
    )


class TensorMetadata(ApiModel):
    """An input or output tensor of a model."""

    name: str = Field(description="Its name in requests and responses.", examples=["image"])
    datatype: str = Field(description="Datatype of its elements.", examples=["BYTES"])
    shape: list[int] = Field(description="Sizes of the dimensions, -1 for any.", examples=[[-1]])


class ModelMetadata(ApiModel):
    """A model with its inputs and outputs."""

    name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    versions: list[str] = Field(description="Registered versions.", examples=[["2", "1"]])
    platform: str = Field("graft", description="Always `graft`.")
    inputs: list[TensorMetadata] = Field(
        description="`image`: encoded files. UINT8 pixels [n, height, width, 3] are also accepted."
    )
    outputs: list[TensorMetadata] = Field(description="Outputs that a request can select.")
    class_names: list[str] = Field(
        description="The classes in the order of `probabilities`.", examples=[["ants", "bees"]]
    )


class ModelReady(ApiModel):
    """A model that is ready."""

    name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    ready: bool = Field(True, description="Always true; otherwise the response is an error.")


class _ClientModel(BaseModel):
    """A part of a client's request; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class InputParameters(ApiModel):
    """Parameters of an input tensor."""

    binary_data_size: Size | None = Field(
        None,
        description="Bytes of binary data after the JSON that belong to this tensor.",
        examples=[4],
    )


class InputTensor(_ClientModel):
    """The input tensor: the images of a request."""

    name: Literal["image"] = Field(description="Always `image`.")
    datatype: Literal["BYTES", "UINT8"] = Field(
        description="BYTES: encoded image files, [n]. UINT8: RGB pixels, [n, height, width, 3]."
    )
    shape: list[Size] = _SHAPE
    parameters: InputParameters = Field(
        default_factory=InputParameters, description="Parameters of the tensor."
    )
    data: list[Any] | None = Field(
        None,
        description="The elements in row-major order, unless they follow the JSON. Files are "
        "base64.",
        examples=[["/9j/4AAQSkZJRg…"]],
    )


class OutputParameters(ApiModel):
    """Parameters of a requested output."""

    binary_data: bool | None = Field(
        None, description="Whether to send it as binary data after the JSON.", examples=[True]
    )


class RequestedOutput(_ClientModel):
    """A requested output."""

    name: OutputName = Field(description="Name of the output.", examples=["probabilities"])
    parameters: OutputParameters = Field(
        default_factory=OutputParameters, description="Parameters of the output."
    )


class InferParameters(_ClientModel):
    """Parameters of the request."""

    binary_data_output: bool = Field(False, description="Default of `binary_data` for all outputs.")


class InferRequest(_ClientModel):
    """A request to classify images."""

    id: str | None = Field(
        None,
        max_length=200,
        description="Id of the request, repeated in the response.",
        examples=["a-1"],
    )
    parameters: InferParameters = Field(
        default_factory=InferParameters, description="Parameters of the request."
    )
    inputs: list[InputTensor] = Field(min_length=1, max_length=1, description="The images.")
    outputs: list[RequestedOutput] = Field(
        default_factory=list,
        max_length=3,
        description="Outputs to return. Default: `probabilities` and `label`.",
    )


class OutputTensor(ApiModel):
    """An output tensor of the response."""

    name: OutputName = Field(description="Name of the output.", examples=["probabilities"])
    datatype: Literal["FP32", "BYTES"] = Field(
        description="Datatype of its elements.", examples=["FP32"]
    )
    shape: list[int] = Field(description="Sizes of its dimensions.", examples=[[1, 2]])
    parameters: dict[str, int] | None = Field(
        None,
        description="`binary_data_size`: bytes of binary data after the JSON that belong to it.",
        examples=[{"binary_data_size": 8}],
    )
    data: list[float] | list[str] | None = Field(
        None,
        description="The elements in row-major order; null if they are sent as binary data.",
        examples=[[0.97, 0.03]],
    )


class InferResponse(ApiModel):
    """The model's outputs for the images."""

    model_name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    model_version: str = Field(description="The version that made the predictions.", examples=["3"])
    id: str | None = Field(None, description="Id of the request.", examples=["a-1"])
    outputs: list[OutputTensor] = Field(description="In the order requested.")

"""The Open Inference Protocol (KServe's "V2"), as far as this service speaks it, on the wire.

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
    """The process answers."""

    live: bool = Field(True, description="Always true.")


class ServerReady(ApiModel):
    """The service can do its work."""

    ready: bool = Field(True, description="Always true; else the answer is an error.")


class ServerMetadata(ApiModel):
    """What answers here."""

    name: str = Field("graft", description="Always `graft`.")
    version: str = Field(description="Of this service.", examples=["0.2.0"])
    extensions: list[str] = Field(description="Of the protocol.", examples=[["binary_tensor_data"]])


class TensorMetadata(ApiModel):
    """A tensor that a model takes or gives."""

    name: str = Field(description="Its name in requests and answers.", examples=["image"])
    datatype: str = Field(description="Of its elements.", examples=["BYTES"])
    shape: list[int] = Field(description="Sizes of the dimensions, -1 for any.", examples=[[-1]])


class ModelMetadata(ApiModel):
    """A model in the protocol's words."""

    name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    versions: list[str] = Field(description="The versions there are.", examples=[["2", "1"]])
    platform: str = Field("graft", description="Always `graft`.")
    inputs: list[TensorMetadata] = Field(
        description="`image`: encoded files; UINT8 pixels [n, height, width, 3] are taken, too."
    )
    outputs: list[TensorMetadata] = Field(description="What can be asked for.")
    class_names: list[str] = Field(
        description="The classes in the order of `probabilities`.", examples=[["ants", "bees"]]
    )


class ModelReady(ApiModel):
    """A model that can answer."""

    name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    ready: bool = Field(True, description="Always true; else the answer is an error.")


class _Told(BaseModel):
    """What a client of the protocol sends: members that say nothing here are passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)


class InputParameters(ApiModel):
    """Where an input's elements are."""

    binary_data_size: Size | None = Field(
        None, description="How many of the bytes behind the JSON are this tensor's.", examples=[4]
    )


class InputTensor(_Told):
    """The images of a request."""

    name: Literal["image"] = Field(description="Always `image`.")
    datatype: Literal["BYTES", "UINT8"] = Field(
        description="BYTES: encoded image files, [n]. UINT8: RGB pixels, [n, height, width, 3]."
    )
    shape: list[Size] = _SHAPE
    parameters: InputParameters = Field(
        default_factory=InputParameters, description="Where the elements are."
    )
    data: list[Any] | None = Field(
        None,
        description="The elements, row by row, unless they lie behind the JSON; files are base64.",
        examples=[["/9j/4AAQSkZJRg…"]],
    )


class OutputParameters(ApiModel):
    """How an output is wanted."""

    binary_data: bool | None = Field(
        None, description="Whether it shall lie behind the JSON.", examples=[True]
    )


class RequestedOutput(_Told):
    """An output that is wanted."""

    name: OutputName = Field(description="Which.", examples=["probabilities"])
    parameters: OutputParameters = Field(
        default_factory=OutputParameters, description="How it is wanted."
    )


class InferParameters(_Told):
    """How all outputs are wanted."""

    binary_data_output: bool = Field(
        False, description="Whether those that do not say so lie behind the JSON."
    )


class InferRequest(_Told):
    """Images to classify."""

    id: str | None = Field(None, max_length=200, description="Sent back as it is.")
    parameters: InferParameters = Field(
        default_factory=InferParameters, description="For all outputs."
    )
    inputs: list[InputTensor] = Field(min_length=1, max_length=1, description="The images.")
    outputs: list[RequestedOutput] = Field(
        default_factory=list,
        max_length=3,
        description="Those that are wanted; left out, `probabilities` and `label`.",
    )


class OutputTensor(ApiModel):
    """A tensor of the answer."""

    name: OutputName = Field(description="Which.", examples=["probabilities"])
    datatype: Literal["FP32", "BYTES"] = Field(description="Of its elements.", examples=["FP32"])
    shape: list[int] = Field(description="Sizes of its dimensions.", examples=[[1, 2]])
    parameters: dict[str, int] | None = Field(
        None,
        description="`binary_data_size`: how many of the bytes behind the JSON are its own.",
        examples=[{"binary_data_size": 8}],
    )
    data: list[float] | list[str] | None = Field(
        None, description="The elements, row by row.", examples=[[0.97, 0.03]]
    )


class InferResponse(ApiModel):
    """What the model says of the images."""

    model_name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    model_version: str = Field(description="The version that answered.", examples=["3"])
    id: str | None = Field(None, description="The request's.", examples=["a-1"])
    outputs: list[OutputTensor] = Field(description="In the order asked for.")

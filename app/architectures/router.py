"""HTTP route of the architectures that can be trained."""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.ml.models import catalogue
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.weights import Availability, list_availability, list_availability_unprobed
from app.web.dependencies import SettingsDep
from app.web.schemas import ApiModel

router = APIRouter(tags=["architectures"])

COUNT_HEADER = "X-Total-Count"


class PretrainedWeights(ApiModel):
    """Published pretrained weights of an architecture."""

    name: str = Field(description="The library's name of the weights.", examples=["IMAGENET1K_V1"])
    is_default: bool = Field(
        description="Whether `pretrained` selects these weights.", examples=[True]
    )
    availability: Availability = Field(
        description="Whether the weights are on this machine, will be downloaded by a job, or are "
        "unavailable. In a search, `download` means that downloads are allowed: no hub is asked."
    )
    licence: str | None = Field(
        description="The licence of the weights as timm states it; null where the library states "
        "none.",
        examples=["apache-2.0"],
    )
    num_classes: int = Field(
        ge=0,
        description="Classes of the published head: 1000 are ImageNet's, and 0 means no head. Jobs "
        "replace the head.",
        examples=[1000],
    )
    input_size: int = Field(
        ge=1,
        description="Height and width in pixels of the images that they were trained for.",
        examples=[224],
    )
    imagenet_accuracy: float | None = Field(
        ge=0,
        le=1,
        description="Top-1 accuracy on ImageNet's validation images; null for timm's, whose "
        "authors state it elsewhere.",
        examples=[0.58092],
    )
    gflops: float = Field(
        ge=0,
        description="Billions of multiply-adds for one image of the weights' input size.",
        examples=[0.819],
    )


class Architecture(ApiModel):
    """An architecture that can be trained."""

    name: str = Field(
        description="torchvision's name, or `timm:` and timm's.", examples=["squeezenet1_0"]
    )
    library: Literal["torchvision", "timm"] = Field(
        description="The library that defines the network.", examples=["torchvision"]
    )
    aliases: list[str] = Field(description="Other accepted names.", examples=[["squeezenet"]])
    input_size: int = Field(
        ge=1, description="Default height and width of the input in pixels.", examples=[224]
    )
    fixed_input_size: bool = Field(
        description="Whether only `input_size` is possible.", examples=[False]
    )
    input_size_step: int = Field(
        ge=1,
        description="Sizes differ from `input_size` by multiples of this number of pixels.",
        examples=[1],
    )
    min_input_size: int = Field(
        ge=1, description="Minimum height and width of the input in pixels.", examples=[17]
    )
    num_parameters: int = Field(
        ge=1,
        description="Number of parameters with 1000 classes.",
        examples=[1_248_424],
    )
    weights: list[PretrainedWeights] = Field(
        description="Pretrained weights to start from, the default first for timm."
    )


@router.get(
    "/architectures",
    summary="List or search architectures and their weights",
    responses={
        200: {
            "headers": {
                COUNT_HEADER: {
                    "description": "Number of architectures that match, also beyond `limit`.",
                    "schema": {"type": "integer"},
                }
            }
        }
    },
)
def list_architectures(
    settings: SettingsDep,
    response: Response,
    search: Annotated[
        str | None,
        Query(
            max_length=100,
            description="List the architectures of torchvision and timm whose names contain every "
            "word of this text. Without it, all of torchvision's are listed.",
            examples=["convnext tiny"],
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=200, description="With `search`: the largest number of architectures.")
    ] = 50,
) -> list[Architecture]:
    """List the architectures, and whether their pretrained weights are available now.

    A search also lists timm's, whose names begin with `timm:`; it sends no request to a hub.
    """
    download_allowed = settings.weights_download
    if search is None:
        found = catalogue.list_architectures()
        availability = list_availability(
            found, weights_dir=settings.weights_dir, download_allowed=download_allowed
        )
        num_found = len(found)
    else:
        matches = catalogue.search_architectures(search)
        found = tuple(islice(matches, limit))
        availability = list_availability_unprobed(
            found, weights_dir=settings.weights_dir, download_allowed=download_allowed
        )
        num_found = catalogue.count_matches(search)
    response.headers[COUNT_HEADER] = str(num_found)
    return [_describe(architecture, availability) for architecture in found]


def _describe(
    architecture: ArchitectureSpec, availability: Mapping[tuple[str, str], Availability]
) -> Architecture:
    return Architecture(
        name=architecture.name,
        library="timm" if architecture.is_of_timm else "torchvision",
        aliases=list(architecture.aliases),
        input_size=architecture.input_size,
        fixed_input_size=architecture.fixed_input_size,
        input_size_step=architecture.input_size_step,
        min_input_size=architecture.min_input_size,
        num_parameters=architecture.num_parameters,
        weights=[
            PretrainedWeights(
                name=weights.name,
                is_default=weights.is_default,
                availability=availability[architecture.name, weights.name],
                licence=weights.licence,
                num_classes=weights.num_classes,
                input_size=weights.crop_size,
                imagenet_accuracy=weights.imagenet_accuracy,
                gflops=weights.gflops,
            )
            for weights in architecture.weights
        ],
    )

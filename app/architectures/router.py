"""HTTP route of the architectures that can be trained."""

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import Field

from app.ml.models import catalogue
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.weights import Availability, list_availability
from app.web.dependencies import SettingsDep
from app.web.schemas import ApiModel

router = APIRouter(tags=["architectures"])


class PretrainedWeights(ApiModel):
    """Pretrained weights of torchvision."""

    name: str = Field(description="torchvision's name of the weights.", examples=["IMAGENET1K_V1"])
    is_default: bool = Field(
        description="Whether `imagenet` selects these weights.", examples=[True]
    )
    availability: Availability = Field(
        description="Whether the weights are on this machine, will be downloaded by a job, or are "
        "unavailable."
    )
    imagenet_accuracy: float = Field(
        ge=0,
        le=1,
        description="Top-1 accuracy on ImageNet's validation images.",
        examples=[0.58092],
    )
    gflops: float = Field(
        ge=0,
        description="Billions of multiply-adds for one image of the weights' input size.",
        examples=[0.819],
    )


class Architecture(ApiModel):
    """An architecture that can be trained."""

    name: str = Field(description="torchvision's name.", examples=["squeezenet1_0"])
    aliases: list[str] = Field(description="Other accepted names.", examples=[["squeezenet"]])
    input_size: int = Field(
        ge=1, description="Default height and width of the input in pixels.", examples=[224]
    )
    fixed_input_size: bool = Field(
        description="Whether only `input_size` is possible.", examples=[False]
    )
    min_input_size: int = Field(
        ge=1, description="Minimum height and width of the input in pixels.", examples=[17]
    )
    num_parameters: int = Field(
        ge=1,
        description="Number of parameters with torchvision's 1000 classes.",
        examples=[1_248_424],
    )
    weights: list[PretrainedWeights] = Field(description="Pretrained weights to start from.")


@router.get("/architectures", summary="List architectures and their weights")
def list_architectures(settings: SettingsDep) -> list[Architecture]:
    """List the architectures, and whether their pretrained weights are available now."""
    architectures = catalogue.list_architectures()
    availability = list_availability(
        architectures, weights_dir=settings.weights_dir, download_allowed=settings.weights_download
    )
    return [_describe(architecture, availability) for architecture in architectures]


def _describe(
    architecture: ArchitectureSpec, availability: Mapping[tuple[str, str], Availability]
) -> Architecture:
    return Architecture(
        name=architecture.name,
        aliases=list(architecture.aliases),
        input_size=architecture.input_size,
        fixed_input_size=architecture.fixed_input_size,
        min_input_size=architecture.min_input_size,
        num_parameters=architecture.num_parameters,
        weights=[
            PretrainedWeights(
                name=weights.name,
                is_default=weights.is_default,
                availability=availability[architecture.name, weights.name],
                imagenet_accuracy=weights.imagenet_accuracy,
                gflops=weights.gflops,
            )
            for weights in architecture.weights
        ],
    )

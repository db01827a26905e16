"""HTTP of the architectures that can be trained."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.dependencies import SettingsDep
from app.ml.catalogue import Entry, list_entries
from app.ml.weights import availability
from app.schemas import ApiModel
from app.settings import Settings

router = APIRouter(tags=["architectures"])


class WeightsChoice(ApiModel):
    """Pretrained weights that torchvision publishes."""

    name: str = Field(description="torchvision's name of them.", examples=["IMAGENET1K_V1"])
    is_default: bool = Field(description="Whether `imagenet` means these.", examples=[True])
    availability: Literal["local", "download", "unavailable"] = Field(
        description="On this machine, to be downloaded when a job needs them, or not to be had."
    )


class Architecture(ApiModel):
    """A network that can be trained."""

    name: str = Field(description="torchvision's name.", examples=["squeezenet1_0"])
    aliases: list[str] = Field(description="Other names that mean it.", examples=[["squeezenet"]])
    input_size: int = Field(
        ge=1, description="Usual height and width of the input in pixels.", examples=[224]
    )
    min_input_size: int = Field(ge=1, description="Smallest input it can take.", examples=[17])
    num_parameters: int = Field(
        ge=1, description="With torchvision's own 1000 classes.", examples=[1_248_424]
    )
    weights: list[WeightsChoice] = Field(description="Pretrained weights to start from.")


@router.get("/architectures", summary="List architectures and their weights")
def list_architectures(settings: SettingsDep) -> list[Architecture]:
    """List what can be trained, and whether pretrained weights can be had right now."""
    return [_describe(entry, settings) for entry in list_entries()]


def _describe(entry: Entry, settings: Settings) -> Architecture:
    return Architecture(
        name=entry.name,
        aliases=list(entry.aliases),
        input_size=entry.input_size,
        min_input_size=entry.min_input_size,
        num_parameters=entry.num_parameters,
        weights=[
            WeightsChoice(
                name=weights.name,
                is_default=weights.is_default,
                availability=availability(
                    entry,
                    weights.name,
                    weights_dir=settings.weights_dir,
                    download_allowed=settings.weights_download,
                ),
            )
            for weights in entry.weights
        ],
    )

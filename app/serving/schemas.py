"""HTTP schemas of the chosen model and its shadow."""

from pydantic import Field

from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.web.schemas import ApiModel, RequestModel, UtcTime


class SetShadow(RequestModel):
    """A shadow model: it classifies a share of the same images, only to be compared."""

    model: ReferenceText
    fraction: float = Field(
        ge=0,
        le=1,
        description="Share of the chosen model's images that the shadow also classifies, drawn at "
        "random.",
        examples=[0.1],
    )


class ShadowCounts(ApiModel):
    """Counts of images on which the shadow's version and the chosen version agree."""

    num_images: int = Field(
        ge=0, description="Images that both versions classified.", examples=[400]
    )
    num_agreed: int = Field(
        ge=0, description="Images with the same most probable class.", examples=[388]
    )
    agreement: float | None = Field(
        description="Share of the images with the same class, 0 to 1; null before the first image.",
        examples=[0.97],
    )
    agreement_interval: tuple[float, float] | None = Field(
        description="95 % confidence interval of `agreement` (Wilson, 1927).",
        examples=[[0.948, 0.983]],
    )
    mean_abs_difference: float | None = Field(
        description="Mean absolute difference of the probabilities, over classes and images.",
        examples=[0.021],
    )
    num_dropped: int = Field(
        ge=0,
        description="Images that the shadow skipped because the service was busy.",
        examples=[7],
    )
    num_failed: int = Field(
        ge=0, description="Images that the shadow could not classify.", examples=[0]
    )


class Shadow(SetShadow):
    """The shadow with its current version, and the agreement of both models."""

    resolved: VersionName = Field(description="Current version of the reference.")
    tally: ShadowCounts = Field(
        description="Counts since these two versions were first compared, updated every few "
        "seconds."
    )


class ChooseModel(RequestModel):
    """The model to choose for predictions without `model`."""

    model: ReferenceText
    shadow: SetShadow | None = Field(
        None,
        description="A model to compare with. Without this field the shadow stays; null removes "
        "it.",
    )


class ChosenModel(ApiModel):
    """The chosen model's reference with its current version, and its shadow."""

    model: ReferenceText
    resolved: VersionName = Field(description="Current version of the reference.")
    shadow: Shadow | None = Field(description="The shadow model; null for none.")
    updated_at: UtcTime = Field(description="When it was last chosen.")

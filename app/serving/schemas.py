"""The chosen model and its shadow on the wire."""

from pydantic import Field

from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.web.schemas import ApiModel, UtcTime


class SetShadow(ApiModel):
    """A model that sees a share of the same images, and whose answers are only counted."""

    model: ReferenceText
    fraction: float = Field(
        ge=0,
        le=1,
        description="Share of the images sent to the chosen model that it sees, drawn at random.",
        examples=[0.1],
    )


class Tally(ApiModel):
    """How often the shadow's resolved version said the same as the version that answered."""

    num_images: int = Field(ge=0, description="Images that both have answered.", examples=[400])
    num_agreed: int = Field(
        ge=0, description="Those with the same most probable class.", examples=[388]
    )
    agreement: float | None = Field(
        description="Their share, 0 to 1; null before the first image.", examples=[0.97]
    )
    agreement_interval: tuple[float, float] | None = Field(
        description="Its 95 % interval by the sampling of images (Wilson, 1927).",
        examples=[[0.948, 0.983]],
    )
    mean_abs_difference: float | None = Field(
        description="Between the two models' probabilities, over classes and images.",
        examples=[0.021],
    )
    num_dropped: int = Field(
        ge=0,
        description="Images it did not see because others waited to be answered.",
        examples=[7],
    )
    num_failed: int = Field(ge=0, description="Images that it could not answer.", examples=[0])


class Shadow(SetShadow):
    """The shadow, what it resolves to, and how far the two agree."""

    resolved: VersionName = Field(description="What its reference resolves to now.")
    tally: Tally = Field(
        description="Since these two versions first met; brought up to date every few seconds."
    )


class ChooseModel(ApiModel):
    """The model that predictions shall use where none is named."""

    model: ReferenceText
    shadow: SetShadow | None = Field(
        None, description="A model to compare with; left out it stays, null removes it."
    )


class ChosenModel(ApiModel):
    """The chosen model's reference and the version it means at this moment."""

    model: ReferenceText
    resolved: VersionName = Field(description="What the reference resolves to now.")
    shadow: Shadow | None = Field(
        description="The model that some of the same images are shown to; null for none."
    )
    updated_at: UtcTime = Field(description="When it was last chosen.")

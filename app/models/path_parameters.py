"""Path parameters of the routes of models."""

from typing import Annotated

from fastapi import Path

from app.models.references import MAX_VERSION
from app.web.schemas import ALIAS_PATTERN, NAME_PATTERN

NamePath = Annotated[
    str, Path(pattern=NAME_PATTERN, description="Name of a model.", examples=["ants-and-bees"])
]
VersionPath = Annotated[
    int, Path(ge=1, le=MAX_VERSION, description="Number of a version.", examples=[3])
]
AliasPath = Annotated[
    str, Path(pattern=ALIAS_PATTERN, description="Name of an alias.", examples=["champion"])
]

"""What the registry's routes ask for: the parts of their paths, and what models are run by."""

from typing import Annotated

from fastapi import Depends, Path

from app.dependencies import SettingsDep
from app.registry.evaluation_schemas import Runtime
from app.registry.references import MAX_VERSION
from app.schemas import ALIAS_PATTERN, NAME_PATTERN

NamePath = Annotated[
    str, Path(pattern=NAME_PATTERN, description="Name of a model.", examples=["ants-and-bees"])
]
VersionPath = Annotated[
    int, Path(ge=1, le=MAX_VERSION, description="Number of a version.", examples=[3])
]
AliasPath = Annotated[
    str, Path(pattern=ALIAS_PATTERN, description="Name of an alias.", examples=["champion"])
]


def _runtime(settings: SettingsDep) -> Runtime:
    return Runtime(settings.predict_engine, settings.predict_precision)


RuntimeDep = Annotated[Runtime, Depends(_runtime)]

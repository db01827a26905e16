"""List the architectures that a portfolio may try, and adapt recipes to them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.errors import ValidationFailed, WeightsUnavailable
from app.ml.models.catalogue import (
    ArchitectureSpec,
    WeightsSpec,
    get_architecture,
    list_architectures,
    num_parameters,
)
from app.ml.models.weights import list_availability, list_local_of_timm
from app.ml.recipe import Recipe, Strategy
from worker.portfolio.config import PortfolioConfig


@dataclass(frozen=True)
class CandidateList:
    """The architectures to try, and how many have no weights."""

    architectures: list[ArchitectureSpec]
    num_without_weights: int = 0


def find_weights(architecture: ArchitectureSpec) -> WeightsSpec | None:
    """Return the default weights of an architecture, if it has any."""
    return next((weights for weights in architecture.weights if weights.is_default), None)


def find_imagenet_accuracy(architecture: ArchitectureSpec) -> float | None:
    """Return the published accuracy of the default weights on ImageNet, 0 to 1, if there is one."""
    weights = find_weights(architecture)
    return (weights and weights.imagenet_accuracy) or None


def list_candidates(config: PortfolioConfig, smallest_batch: int) -> CandidateList:
    """List the architectures of a portfolio: the requested one, or all with weights that fit.

    smallest_batch: images of the smallest training batch. Raises WeightsUnavailable if there is no
    architecture.
    """
    if config.architecture != "auto":
        return CandidateList([get_architecture(config.architecture)])
    fitting = list(_list_fitting(config, _list_known(config), smallest_batch))
    training = config.training
    found = list_availability(
        fitting, weights_dir=training.weights_dir, download_allowed=training.weights_download
    )
    available = [one for one in fitting if _has_weights(one, found)]
    if not available:
        limit = f" of at most {config.max_parameters} parameters" if config.max_parameters else ""
        raise WeightsUnavailable(
            f"No architecture{limit} that accepts this input size has pretrained weights on this "
            "machine, and none can be downloaded. Put weights into the folder named by "
            "GRAFT_WEIGHTS_DIR."
        )
    return CandidateList(available, len(fitting) - len(available))


def _list_known(config: PortfolioConfig) -> Iterator[ArchitectureSpec]:
    """Yield torchvision's architectures, and those of timm whose weights are on this machine."""
    yield from list_architectures()
    yield from list_local_of_timm(config.training.weights_dir)


def make_adapter(
    config: PortfolioConfig, strategy: Strategy
) -> Callable[[ArchitectureSpec], Recipe]:
    """Return the function that adapts the recipe of a strategy to an architecture."""
    recipe = config.recipes[strategy]

    def adapt(architecture: ArchitectureSpec) -> Recipe:
        if config.architecture != "auto":
            return recipe
        return recipe.model_copy(
            update={
                "architecture": architecture.name,
                "weights": _name_weights(architecture),
                "input_size": config.input_size or _get_usual_size(architecture),
            }
        )

    return adapt


def _list_fitting(
    config: PortfolioConfig, architectures: Iterable[ArchitectureSpec], smallest_batch: int
) -> Iterable[ArchitectureSpec]:
    """List the architectures with weights, of an allowed size, that accept the input size."""
    num_classes = len(config.training.class_names)
    for architecture in architectures:
        if find_weights(architecture) is None:
            continue
        largest = config.max_parameters
        if largest is not None and num_parameters(architecture, num_classes) > largest:
            continue
        size = config.input_size or _get_usual_size(architecture)
        try:
            architecture.check_input_size(size, smallest_batch)
        except ValidationFailed:
            continue
        yield architecture


def _get_usual_size(architecture: ArchitectureSpec) -> int:
    weights = find_weights(architecture)
    return weights.crop_size if weights else architecture.input_size


def _name_weights(architecture: ArchitectureSpec) -> str:
    """Return `imagenet` where this selects the default weights, else their own name."""
    try:
        architecture.get_weights("imagenet")
    except ValidationFailed:
        weights = find_weights(architecture)
        return weights.name if weights else "none"
    return "imagenet"


def _has_weights(architecture: ArchitectureSpec, found: Mapping[tuple[str, str], str]) -> bool:
    weights = find_weights(architecture)
    return weights is not None and found[architecture.name, weights.name] != "unavailable"

"""Find the architecture to advise on: the one requested, or the best within the budget."""

from collections.abc import Iterator

from app.advice.schemas import AdviceRequest, Candidate
from app.errors import ValidationFailed
from app.ml.models.catalogue import ArchitectureSpec, get_architecture, list_architectures
from app.ml.models.weights import availability
from app.ml.recipe import Recipe, Strategy
from worker.advice.budget import Budget, choose_architecture
from worker.advice.timing import TrainingTimer, adapt, estimate_rates
from worker.analysis_config import AnalysisConfig


def find_architecture(
    config: AnalysisConfig, question: AdviceRequest, timer: TrainingTimer
) -> tuple[ArchitectureSpec, list[Candidate]]:
    """Return the architecture and all candidates; raises WeightsUnavailable, BudgetTooSmall."""
    if question.architecture != "auto":
        return get_architecture(question.architecture), []
    budget = Budget(question.time_budget_seconds, question.max_parameters)
    gflops_per_second = 0.0
    if budget.seconds is not None:
        gflops_per_second = timer.measure_gflops_per_second(next(iter(question.recipes.values())))

    def is_available(architecture: ArchitectureSpec) -> bool:
        found = availability(
            architecture,
            "imagenet",
            weights_dir=config.weights_dir,
            download_allowed=config.weights_download,
        )
        return found != "unavailable"

    def estimate(architecture: ArchitectureSpec) -> float:
        recipes = adapt_all(question, architecture)
        return min(
            timer.estimate(
                recipe,
                estimate_rates(
                    architecture,
                    input_size=recipe.input_size,
                    gflops_per_second=gflops_per_second,
                    decoding=timer.decoding,
                ),
            )
            for recipe in recipes.values()
        )

    return choose_architecture(
        _list_fitting(question),
        budget,
        num_classes=timer.num_classes,
        is_available=is_available,
        estimate=estimate,
        measure=lambda architecture: timer.time_cheapest_strategy(
            architecture, adapt_all(question, architecture)
        ),
    )


def adapt_all(question: AdviceRequest, architecture: ArchitectureSpec) -> dict[Strategy, Recipe]:
    """Adapt the question's recipes to this architecture where the question's is `auto`."""
    if question.architecture != "auto":
        return dict(question.recipes)
    return {
        strategy: adapt(recipe, architecture, question.input_size)
        for strategy, recipe in question.recipes.items()
    }


def _list_fitting(question: AdviceRequest) -> Iterator[ArchitectureSpec]:
    """List the architectures that accept the requested input size."""
    batch_size = min(recipe.batch_size for recipe in question.recipes.values())
    for architecture in list_architectures():
        try:
            architecture.check_input_size(
                question.input_size or architecture.input_size, batch_size
            )
        except ValidationFailed:
            continue
        yield architecture

"""The architecture that an analysis is about: the one named, or the best within its budget."""

from collections.abc import Iterator

from app.advice.schemas import AdviceRequest, Candidate
from app.errors import ValidationFailed
from app.ml.models.catalogue import Entry, get_entry, list_entries
from app.ml.models.weights import availability
from app.ml.recipe import Recipe, Strategy
from worker.advice.budget import Budget, choose_architecture
from worker.advice.timing import Bench, adapt, guess_rates
from worker.analysis_config import AnalysisConfig


def find_architecture(
    config: AnalysisConfig, question: AdviceRequest, bench: Bench
) -> tuple[Entry, list[Candidate]]:
    """The architecture and what was considered; raises WeightsUnavailable, BudgetTooSmall."""
    if question.architecture != "auto":
        return get_entry(question.architecture), []
    budget = Budget(question.time_budget_seconds, question.max_parameters)
    rate = 0.0
    if budget.seconds is not None:
        rate = bench.measure_gflops_per_second(next(iter(question.recipes.values())))

    def is_available(entry: Entry) -> bool:
        found = availability(
            entry,
            "imagenet",
            weights_dir=config.weights_dir,
            download_allowed=config.weights_download,
        )
        return found != "unavailable"

    def estimate(entry: Entry) -> float:
        recipes = adapt_all(question, entry)
        return min(
            bench.estimate(
                recipe,
                guess_rates(
                    entry,
                    input_size=recipe.input_size,
                    gflops_per_second=rate,
                    decoding=bench.decoding,
                ),
            )
            for recipe in recipes.values()
        )

    return choose_architecture(
        _list_fitting(question),
        budget,
        num_classes=bench.num_classes,
        is_available=is_available,
        estimate=estimate,
        measure=lambda entry: bench.try_random(entry, adapt_all(question, entry)),
    )


def adapt_all(question: AdviceRequest, entry: Entry) -> dict[Strategy, Recipe]:
    """The question's recipes, for this architecture where it is not the one they are made for."""
    if question.architecture != "auto":
        return dict(question.recipes)
    return {
        strategy: adapt(recipe, entry, question.input_size)
        for strategy, recipe in question.recipes.items()
    }


def _list_fitting(question: AdviceRequest) -> Iterator[Entry]:
    """The architectures that take the input size that was asked for."""
    batch_size = min(recipe.batch_size for recipe in question.recipes.values())
    for entry in list_entries():
        try:
            entry.check_input_size(question.input_size or entry.input_size, batch_size)
        except ValidationFailed:
            continue
        yield entry

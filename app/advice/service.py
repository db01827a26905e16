"""How `auto` is decided: a question to a worker, and its answer as the choice of a job."""

from typing import Any

from sqlalchemy.orm import Session

from app.advice.schemas import Advice, AdviceQuestion
from app.analyses import service as inquiries
from app.db.tables import Dataset, Inquiry, Job
from app.errors import Conflict, ValidationFailed
from app.ml.models.catalogue import get_architecture
from app.ml.recipe import Recipe, Strategy, decide
from app.recipes.defaults import BaseModelFacts, Choice, resolve
from app.recipes.presets import choose_preset
from app.recipes.schemas import JobConfig, JobRequest

DEFAULT_TIME_BUDGET_SECONDS = 3600.0
"""What `architecture: auto` may take where neither of its two budgets is given."""

_ADVISABLE: tuple[Strategy, ...] = ("feature_extract", "partial", "fine_tune")


def ask_advice(  # noqa: PLR0913 - each is one thing the caller knows
    session: Session,
    request: JobRequest,
    config: JobConfig,
    dataset: Dataset,
    base: BaseModelFacts | None,
    *,
    even_failed: bool = False,
) -> Inquiry:
    """What a request leaves to `auto`, as an inquiry about its dataset.

    What is measured in seconds against a budget is measured where jobs run. Raises ValidationFailed
    where no strategy goes with the request's other fields.
    """
    question = make_question(request, config, base)
    return inquiries.ask(
        session,
        kind="advise",
        subject_id=dataset.id,
        parameters=question.model_dump(mode="json"),
        queue="train" if question.time_budget_seconds is not None else "cpu",
        waits_for=dataset.id,
        even_failed=even_failed,
    )


def make_question(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None
) -> AdviceQuestion:
    """The question behind a request; whatever does not bear on the answer is left out of it."""
    budget = request.time_budget_seconds
    is_open = config.architecture == "auto"
    if is_open and budget is None and request.max_parameters is None:
        budget = DEFAULT_TIME_BUDGET_SECONDS
    return AdviceQuestion(
        architecture=config.architecture,
        recipes=_list_recipes(request, config, base),
        input_size=request.input_size,
        time_budget_seconds=budget,
        max_parameters=request.max_parameters,
        base_model_key=base.checkpoint_key if base else None,
    )


def take_advice(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None, advice: Advice
) -> tuple[JobConfig, dict[str, Any]]:
    """The configuration as the advice decides it, and what a job shows of the advice."""
    choice = Choice(
        architecture=advice.architecture,
        strategy=advice.strategy,
        trainable_from=advice.trainable_from,
    )
    decided = _resolve(request, config, base, choice)
    return decided, advice.model_dump(mode="json", exclude={"measurements"})


def settle(
    session: Session, job: Job, inquiry_id: str | None, base: BaseModelFacts | None
) -> JobConfig:
    """Decide what is `auto` in a job by the answer it has waited for, once for all attempts.

    Raises what the inquiry failed with, Conflict where it is gone, ValidationFailed where what is
    advised does not go with the request's other fields.
    """
    if inquiry_id is None or job.request is None:
        raise Conflict(f"{job.id} has asked for no advice on what is auto in it.")
    answer = inquiries.require_answer(inquiries.get_inquiry(session, inquiry_id))
    if answer is None:
        raise Conflict(f"The advice that {job.id} has waited for is not there.")
    request = JobRequest.model_validate(job.request)
    config = JobConfig.model_validate(job.config)
    decided, advice = take_advice(request, config, base, Advice.model_validate(answer))
    shown = {"config": decided.model_dump(mode="json"), "advice": advice}
    job.resolved = (job.resolved or {}) | shown
    job.progress = job.progress | {"epochs": decided.epochs}
    return decided


def _list_recipes(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None
) -> dict[Strategy, Recipe]:
    """What each strategy that may be advised would be carried out with."""
    entry = get_architecture(
        choose_preset(request, config.strategy).architecture
        if config.architecture == "auto"
        else config.architecture
    )
    strategies = _ADVISABLE if config.strategy == "auto" else (config.strategy,)
    recipes: dict[Strategy, Recipe] = {}
    refused: ValidationFailed | None = None
    for strategy in strategies:
        choice = Choice(
            architecture=entry.name,
            strategy=strategy,
            trainable_from=entry.layers[-1].name if strategy == "partial" else None,
        )
        try:
            recipe = decide(_resolve(request, config, base, choice))
        except ValidationFailed as error:
            refused = refused or error
        else:
            recipes[strategy] = recipe.model_copy(update={"seed": 0})
    if refused is not None and not recipes:
        raise refused
    return recipes


def _resolve(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None, choice: Choice
) -> JobConfig:
    return resolve(
        request,
        dataset_name=config.model_name,
        num_threads=config.num_threads,
        base=base,
        choice=choice,
    )

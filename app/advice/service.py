"""Request advice from a worker, and apply it to the `auto` values of a job."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.advice.schemas import Advice, AdviceRequest
from app.analyses import service as analyses
from app.db.tables import AnalysisRequest, Dataset, Job
from app.errors import Conflict, ValidationFailed
from app.ml.models.catalogue import get_architecture
from app.ml.recipe import Recipe, Strategy, decide
from app.recipes.defaults import AutoDecision, BaseModelFacts, resolve
from app.recipes.presets import choose_preset
from app.recipes.schemas import JobConfig, JobRequest

DEFAULT_TIME_BUDGET_SECONDS = 3600.0
"""Time budget of the training with `architecture: auto`, unless its parameters are limited."""

_ADVISABLE: tuple[Strategy, ...] = ("feature_extract", "partial", "fine_tune")


def request_advice(  # noqa: PLR0913 - a request and what it resolved to
    session: Session,
    request: JobRequest,
    config: JobConfig,
    dataset: Dataset,
    base: BaseModelFacts | None,
    *,
    retry_failed: bool = False,
) -> AnalysisRequest:
    """Request the analysis of a dataset that decides a request's `auto` values.

    With a time budget a `train` worker runs it, because it measures seconds on the device of jobs.
    Raises ValidationFailed if no strategy can be combined with the request's other fields.
    """
    advice_request = make_advice_request(request, config, base)
    return analyses.request_analysis(
        session,
        kind="advise",
        subject_id=dataset.id,
        parameters=advice_request.model_dump(mode="json"),
        queue="train" if advice_request.time_budget_seconds is not None else "cpu",
        waits_for=dataset.id,
        retry_failed=retry_failed,
    )


def make_advice_request(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None
) -> AdviceRequest:
    """Return the analysis request for a job request, with only the fields that affect its result.

    Equal analysis requests share one analysis.
    """
    is_open = config.architecture == "auto"
    budget = DEFAULT_TIME_BUDGET_SECONDS if is_open and request.max_parameters is None else None
    return AdviceRequest(
        architecture=config.architecture,
        recipes=list_recipes(request, config, base),
        input_size=request.input_size,
        time_budget_seconds=budget,
        max_parameters=request.max_parameters,
        base_model_key=base.checkpoint_key if base else None,
    )


def resolve_with_advice(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None, advice: Advice
) -> tuple[JobConfig, dict[str, Any]]:
    """Return the configuration that the advice decides, and the advice as the job shows it."""
    decision = AutoDecision(
        architecture=advice.architecture,
        strategy=advice.strategy,
        trainable_from=advice.trainable_from,
    )
    decided = _resolve(request, config, base, decision)
    return decided, advice.model_dump(mode="json", exclude={"measurements"})


def apply_advice(
    session: Session, job: Job, analysis_id: str | None, base: BaseModelFacts | None
) -> JobConfig:
    """Decide a job's `auto` values by the advice that it has waited for; all attempts use them.

    Raises the error of a failed analysis, Conflict if there is no advice, and ValidationFailed if
    the advice cannot be combined with the request's other fields.
    """
    if analysis_id is None or job.request is None:
        raise Conflict(f"{job.id} has `auto` values but has requested no advice; create it again.")
    answer = analyses.require_result(analyses.get_request(session, analysis_id))
    if answer is None:
        raise Conflict(f"The advice for {job.id} is not finished; resume the job later.")
    request = JobRequest.model_validate(job.request)
    config = JobConfig.model_validate(job.config)
    decided, advice = resolve_with_advice(request, config, base, Advice.model_validate(answer))
    shown = {"config": decided.model_dump(mode="json"), "advice": advice}
    job.resolved = (job.resolved or {}) | shown
    job.progress = job.progress | {"epochs": decided.epochs}
    return decided


def list_recipes(
    request: JobRequest,
    config: JobConfig,
    base: BaseModelFacts | None,
    strategies: Sequence[Strategy] | None = None,
) -> dict[Strategy, Recipe]:
    """Return the recipes of some strategies, by default of those that may be advised.

    A strategy that the request's other fields exclude has none. Raises ValidationFailed if no
    strategy has one.
    """
    entry = get_architecture(
        choose_preset(request, config.strategy).architecture
        if config.architecture == "auto"
        else config.architecture
    )
    if strategies is None:
        strategies = _ADVISABLE if config.strategy == "auto" else (config.strategy,)
    recipes: dict[Strategy, Recipe] = {}
    first_error: ValidationFailed | None = None
    for strategy in strategies:
        decision = AutoDecision(
            architecture=entry.name,
            strategy=strategy,
            trainable_from=entry.layers[-1].name if strategy == "partial" else None,
        )
        try:
            recipe = decide(_resolve(request, config, base, decision))
        except ValidationFailed as error:
            first_error = first_error or error
        else:
            recipes[strategy] = recipe.model_copy(update={"seed": 0})
    if first_error is not None and not recipes:
        raise first_error
    return recipes


def _resolve(
    request: JobRequest, config: JobConfig, base: BaseModelFacts | None, decision: AutoDecision
) -> JobConfig:
    return resolve(
        request,
        dataset_name=config.model_name,
        num_threads=config.num_threads,
        base=base,
        decision=decision,
    )

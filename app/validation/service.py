"""Validate a job request, and request a dry run of one batch."""

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.datasets.repository import DatasetRepository
from app.db.tables import AnalysisRequest, Dataset
from app.errors import Conflict, InputProblem, NotFound, ValidationFailed, WeightsUnavailable
from app.jobs import service
from app.ml.recipe import Recipe, decide, is_decided
from app.recipes.schemas import JobConfig, JobRequest
from app.recipes.service import require_weights
from app.settings import Settings
from app.validation import estimate
from app.validation.dry_run_schemas import DryRun, DryRunRequest
from app.validation.schemas import Validation, ValidationProblem


def find_weights_problem(request: JobRequest, settings: Settings) -> ValidationProblem | None:
    """Return the problem with a request's weights, if any.

    May use the network, so call it before a transaction begins.
    """
    try:
        require_weights(request, settings)
    except WeightsUnavailable as error:
        return ValidationProblem(code=error.code, message=error.message)
    except ValidationFailed:
        pass  # validate_request finds it again, with all other problems
    return None


def validate_request(
    session: Session,
    request: JobRequest,
    settings: Settings,
    weights_problem: ValidationProblem | None,
    *,
    dry_run: bool,
) -> tuple[Validation, AnalysisRequest | None]:
    """Collect all problems of a request; if there are none and `dry_run` is set, request a dry run.

    The second value is the dry run; None if none was requested.
    """
    problems = [weights_problem] if weights_problem else []
    try:
        config, dataset, base = service.resolve_request(session, request, settings)
    except ValidationFailed as error:
        problems += [_describe(error.code, problem) for problem in error.problems]
        return _reject(problems), None
    except (NotFound, Conflict) as error:
        problems.append(ValidationProblem(code=error.code, message=error.message))
        return _reject(problems), None
    recipe = decide(config) if is_decided(config) and dataset.status == "ready" else None
    analysis = None
    if dry_run and recipe is not None and not problems:
        dry_run_request = DryRunRequest(
            recipe=recipe,
            model_name=config.model_name,
            base_model_key=base.checkpoint_key if base else None,
        )
        analysis = analyses.request_analysis(
            session,
            kind=dry_run_request.kind,
            subject_id=dataset.id,
            parameters=dry_run_request.model_dump(mode="json"),
            queue="train",  # it must run on the device and with the memory of the job
        )
    return _view(session, config, dataset, recipe, problems, analysis), analysis


def get_validation(session: Session, analysis_id: str) -> tuple[Validation, AnalysisRequest]:
    """Return the validation again, with the current state of its dry run; raises NotFound."""
    analysis = analyses.get_request(session, analysis_id)
    if analysis.kind != "dry_run":
        raise NotFound(f"There is no dry run '{analysis_id}'.")
    dry_run_request = DryRunRequest.model_validate(analysis.parameters)
    dataset = DatasetRepository(session).get(analysis.subject_id)
    config = JobConfig.model_validate(
        dry_run_request.recipe.model_dump()
        | {"dataset_id": dataset.id, "model_name": dry_run_request.model_name}
    )
    return _view(session, config, dataset, dry_run_request.recipe, [], analysis), analysis


def _view(  # noqa: PLR0913, PLR0917 - the parts of the response
    session: Session,
    config: JobConfig,
    dataset: Dataset,
    recipe: Recipe | None,
    problems: list[ValidationProblem],
    analysis: AnalysisRequest | None,
) -> Validation:
    if analysis is not None and analysis.status == "failed":
        code, message = str(analysis.error_code), str(analysis.error_message)
        problems = [*problems, ValidationProblem(code=code, message=message)]
    measured = analysis.result if analysis is not None else None
    num_classes = len(dataset.class_names)
    counts = estimate.count_parameters(recipe, num_classes) if recipe else None
    return Validation(
        is_valid=not problems,
        config=config,
        num_parameters=counts[0] if counts else None,
        num_trainable_parameters=counts[1] if counts else None,
        memory=estimate.estimate_memory(recipe, num_classes) if recipe else None,
        estimated_seconds=estimate.estimate_seconds(session, recipe, dataset)
        if recipe
        else config.time_budget_seconds,
        measured=DryRun.model_validate(measured) if measured else None,
        problems=problems,
    )


def _reject(problems: list[ValidationProblem]) -> Validation:
    return Validation(
        is_valid=False,
        config=None,
        num_parameters=None,
        num_trainable_parameters=None,
        memory=None,
        estimated_seconds=None,
        measured=None,
        problems=problems,
    )


def _describe(code: str, problem: InputProblem) -> ValidationProblem:
    return ValidationProblem(
        code=code,
        message=problem.message,
        loc=list(problem.loc),
        allowed=list(problem.allowed) if problem.allowed else None,
    )

"""What POST /jobs would do, without doing it."""

from sqlalchemy.orm import Session

from app.errors import DatasetInvalid, InputProblem, NotFound, ValidationFailed, WeightsUnavailable
from app.jobs import estimate, service
from app.jobs.schemas import JobRequest, Validation, ValidationProblem
from app.ml.recipe import decide, is_decided
from app.settings import Settings


def validate_request(session: Session, request: JobRequest, settings: Settings) -> Validation:
    """Collect every problem that can be found, and the cost where the configuration is decided."""
    problems: list[ValidationProblem] = []
    try:
        service.require_weights(request, settings)
    except WeightsUnavailable as error:
        problems.append(ValidationProblem(code=error.code, message=error.message))
    except ValidationFailed:
        pass  # found again, with the rest, below
    try:
        config, dataset, _ = service.resolve_request(session, request, settings)
    except ValidationFailed as error:
        problems += [_describe(error.code, problem) for problem in error.problems]
    except (NotFound, DatasetInvalid) as error:
        problems.append(ValidationProblem(code=error.code, message=error.message))
    else:
        num_classes = len(dataset.class_names)
        recipe = decide(config) if num_classes and is_decided(config) else None
        counts = estimate.count_parameters(recipe, num_classes) if recipe else None
        return Validation(
            is_valid=not problems,
            config=config,
            num_parameters=counts[0] if counts else None,
            num_trainable_parameters=counts[1] if counts else None,
            memory=estimate.estimate_memory(recipe, num_classes) if recipe else None,
            estimated_seconds=estimate.estimate_seconds(session, recipe, dataset)
            if recipe
            else None,
            problems=problems,
        )
    return Validation(
        is_valid=False,
        config=None,
        num_parameters=None,
        num_trainable_parameters=None,
        memory=None,
        estimated_seconds=None,
        problems=problems,
    )


def _describe(code: str, problem: InputProblem) -> ValidationProblem:
    return ValidationProblem(
        code=code,
        message=problem.message,
        loc=list(problem.loc),
        allowed=list(problem.allowed) if problem.allowed else None,
    )

"""Configure the child of a job with a time budget, and record its messages."""

from sqlalchemy.orm import Session

from app.advice.service import list_recipes
from app.db.tables import Job
from app.errors import Conflict
from app.jobs.portfolio import find_portfolio, record_decision, record_portfolio
from app.jobs.service import get_base_model
from app.ml.recipe import Recipe, Strategy, decide, is_decided
from app.recipes.schemas import JobConfig, JobRequest
from worker.portfolio.config import PortfolioConfig
from worker.protocol import Decided, PortfolioChanged
from worker.training.config import TrainingConfig


def list_portfolio_recipes(job: Job, config: JobConfig) -> dict[Strategy, Recipe]:
    """Return the recipe of a solved head, and that of fine-tuning if the strategy allows it."""
    request = JobRequest.model_validate(job.request)
    base = get_base_model(job, config)
    strategies: tuple[Strategy, ...] = ("feature_extract", "fine_tune")
    if config.strategy == "feature_extract":
        strategies = ("feature_extract",)
    recipes = list_recipes(request, config, base, strategies)
    seed = {"seed": config.seed}
    return {strategy: one.model_copy(update=seed) for strategy, one in recipes.items()}


def get_first_recipe(job: Job, config: JobConfig) -> Recipe:
    """Return the decided recipe of a job, or that of a solved head before the decision."""
    if is_decided(config):
        return decide(config)
    return list_portfolio_recipes(job, config)["feature_extract"]


def configure(job: Job, training: TrainingConfig) -> PortfolioConfig:
    """Return the configuration of an attempt."""
    config = JobConfig.model_validate(job.config)
    portfolio = find_portfolio(job)
    if portfolio is None:
        raise Conflict(f"{job.id} has no time budget.")
    request = JobRequest.model_validate(job.request)
    return PortfolioConfig(
        training=training,
        is_decided=bool(job.resolved and job.resolved.get("config")),
        architecture=config.architecture,
        strategy=config.strategy,
        recipes=list_portfolio_recipes(job, config),
        input_size=request.input_size,
        max_parameters=request.max_parameters,
        portfolio=portfolio,
    )


def record(session: Session, job_id: str, message: PortfolioChanged | Decided) -> None:
    """Record what the search has tried or decided."""
    if isinstance(message, Decided):
        record_decision(session, job_id, message.recipe, message.portfolio)
    else:
        record_portfolio(session, job_id, message.portfolio, message.settled)

"""Record and read the portfolio of a job with a time budget."""

from sqlalchemy.orm import Session

from app.db.tables import Job
from app.errors import NotFound
from app.jobs.events import append_event
from app.jobs.portfolio_schemas import Portfolio
from app.jobs.repository import JobRepository
from app.ml.recipe import Recipe
from app.recipes.schemas import JobConfig


def get_portfolio(session: Session, job_id: str) -> Portfolio:
    """Return a job's portfolio; raises NotFound if the job has no time budget."""
    job = JobRepository(session).get(job_id)
    portfolio = find_portfolio(job)
    if portfolio is None:
        raise NotFound(f"{job_id} has no portfolio: it was created without `time_budget_seconds`.")
    return portfolio


def find_portfolio(job: Job) -> Portfolio | None:
    """Return the portfolio of a job, empty before its start; None without a time budget.

    Its time includes the part of the newest progress report.
    """
    budget = JobConfig.model_validate(job.config).time_budget_seconds
    if budget is None:
        return None
    stored = job.portfolio or {"job_id": job.id, "time_budget_seconds": budget}
    portfolio = Portfolio.model_validate(stored)
    used = max(portfolio.used_seconds, job.progress.get("budget_used_seconds") or 0.0)
    return portfolio.model_copy(update={"used_seconds": used})


def record_portfolio(
    session: Session, job_id: str, portfolio: Portfolio, settled: int | None
) -> None:
    """Store a portfolio; settled is the index of a candidate that was just tried or skipped."""
    job = JobRepository(session).get(job_id, lock=True)
    job.portfolio = portfolio.model_dump(mode="json")
    if settled is not None:
        candidate = portfolio.candidates[settled]
        append_event(session, job, "candidate", **candidate.model_dump(mode="json"))


def record_decision(session: Session, job_id: str, recipe: Recipe, portfolio: Portfolio) -> None:
    """Store the decided recipe, which replaces the `auto` values; all later attempts use it."""
    job = JobRepository(session).get(job_id, lock=True)
    config = job.config | recipe.model_dump(mode="json")
    job.resolved = (job.resolved or {}) | {"config": config}
    job.progress = job.progress | {"epochs": recipe.epochs}
    job.portfolio = portfolio.model_dump(mode="json")
    append_event(
        session,
        job,
        "decided",
        architecture=recipe.architecture,
        strategy=recipe.strategy,
        epochs=recipe.epochs,
        reason=portfolio.explanation,
    )

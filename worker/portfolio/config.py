"""The configuration of a job with a time budget."""

from pydantic import BaseModel, ConfigDict

from app.jobs.portfolio_schemas import Portfolio
from app.ml.recipe import Recipe, Strategy, StrategyOrAuto
from worker.training.config import TrainingConfig


class PortfolioConfig(BaseModel):
    """The configuration a supervisor sends to `python -m worker.portfolio`.

    training has the decided recipe once is_decided, else that of a solved head. recipes has one for
    `feature_extract`, and one for `fine_tune` where the request allows that; they fit the
    architecture unless it is `auto`. input_size is None for each architecture's own. portfolio is
    what earlier attempts have tried.
    """

    model_config = ConfigDict(frozen=True)

    training: TrainingConfig
    is_decided: bool
    architecture: str
    strategy: StrategyOrAuto
    recipes: dict[Strategy, Recipe]
    input_size: int | None
    max_parameters: int | None
    portfolio: Portfolio

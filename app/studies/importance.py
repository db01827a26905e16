"""Measure how much each field of a search space matters for the accuracy."""

import math
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from app.db.study_tables import Study
from app.studies.observations import list_observations
from app.studies.proposals import Observation, build_optuna_study
from app.studies.request_schemas import Search
from app.studies.schemas import FieldImportance, StudyImportance

MIN_TRIALS = 4


def view_importance(session: Session, study: Study) -> StudyImportance:
    """Return how much each field of the search space matters; imports Optuna."""
    if study.config["search"] is None:
        return StudyImportance(study_id=study.id, num_trials=0, data=[])
    search = Search.model_validate(study.config["search"])
    observations = list_observations(session, study)
    importance = measure_importance(search, observations)
    return StudyImportance(
        study_id=study.id,
        num_trials=sum(one.outcome == "finished" for one in observations),
        data=[
            FieldImportance(field=key, importance=value)
            for key, value in (importance or {}).items()
        ],
    )


def measure_importance(
    search: Search, observations: Sequence[Observation]
) -> Mapping[str, float] | None:
    """Return the importance of each field of the space, 0-1, their sum 1, the largest first.

    None if fewer than MIN_TRIALS trials have finished, or all with the same accuracy. Imports
    Optuna.
    Source: PED-ANOVA (Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter
    Importance in Arbitrary Subspaces", 2023), by Optuna.
    """
    finished = [one for one in observations if one.outcome == "finished"]
    if len(finished) < MIN_TRIALS or len({one.value for one in finished}) == 1:
        return None
    from optuna.importance import (  # noqa: PLC0415 - slow to import, and only needed here
        PedAnovaImportanceEvaluator,
        get_param_importances,
    )

    found = get_param_importances(
        build_optuna_study(search, finished, seed=search.seed),
        evaluator=PedAnovaImportanceEvaluator(),
    )
    # without any difference Optuna divides 0 by 0
    known = {key: value if math.isfinite(value) else 0.0 for key, value in found.items()}
    ordered = sorted(search.space, key=lambda key: -known.get(key, 0.0))
    return {key: known.get(key, 0.0) for key in ordered}

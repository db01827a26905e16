"""Convert the epochs of a study's runs into curves: means over the runs, with bands."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db.study_tables import Study
from app.history.thinning import thin
from app.studies.curve_schemas import Band, ConfigurationCurve, CurvePoint, StudyCurves
from app.studies.repository import MeanEpoch, StudyRepository
from app.studies.views import rank_study


def view_curves(
    session: Session, study: Study, *, limit: int, num_points: int | None
) -> StudyCurves:
    """Return the curves of the first `limit` configurations, with at most num_points epochs each.

    The first and the last epoch stay, and those with a low or high mean validation loss.
    """
    first = rank_study(session, study)[:limit]
    epochs: dict[int, list[MeanEpoch]] = defaultdict(list)
    for row in StudyRepository(session).list_mean_epochs(study.id, [one.trial for one in first]):
        epochs[row.trial].append(row)
    curves = []
    for one in first:
        rows = epochs[one.trial]
        is_solved = any(row.is_solved for row in rows)
        curves.append(
            ConfigurationCurve(
                trial=one.trial,
                name=one.name,
                rank=one.rank,
                best_val_accuracy=one.best_val_accuracy.mean if one.best_val_accuracy else None,
                is_solved=is_solved,
                num_epochs=0 if is_solved else len(rows),
                data=[] if is_solved else _view_points(rows, num_points),
            )
        )
    return StudyCurves(study_id=study.id, data=curves)


def _view_points(rows: Sequence[MeanEpoch], num_points: int | None) -> list[CurvePoint]:
    if num_points is not None:
        rows = [rows[index] for index in thin([row.val_loss.mean for row in rows], num_points)]
    return [
        CurvePoint(
            epoch=row.epoch,
            num_runs=row.num_runs,
            val_accuracy=Band.model_validate(row.val_accuracy, from_attributes=True),
            val_loss=Band.model_validate(row.val_loss, from_attributes=True),
        )
        for row in rows
    ]

"""Ask for the next trials of adaptive searches; every worker of the queue `train` does."""

import logging

from sqlalchemy.exc import DBAPIError

from app.db.session import Database
from app.db.tenancy import acting_for
from app.settings import Settings
from app.studies.adaptive import continue_search, end_search, needs_trial
from app.studies.repository import StudyRepository

log = logging.getLogger(__name__)


def ask_for_trials(database: Database, settings: Settings) -> None:
    """Queue the next trials of every search that waits for one.

    Call it before work is claimed: whichever way a run has ended, and whichever worker was killed
    after that, the next call asks for what is missing. Raises the database's errors; any other
    error ends the search that it concerns, with a note.
    """
    with database.reading() as session:
        waiting = [
            (study.id, study.tenant)
            for study in StudyRepository(session).list_asking()
            if needs_trial(session, study)
        ]
    if waiting:
        # here, since the import takes seconds, in which the transaction would block other writers
        import optuna  # noqa: F401, PLC0415 - only adaptive searches need it
    for study_id, tenant in waiting:
        with acting_for(tenant):
            try:
                with database.transaction() as session:
                    continue_search(session, study_id, settings)
            except DBAPIError:
                raise
            except Exception as error:  # one study's error must not stop the others
                log.exception("%s: the search ends", study_id)
                with database.transaction() as session:
                    study = StudyRepository(session).get(study_id, lock=True)
                    end_search(study, f"The search ended by an error of the service: {error!r}")

"""Create attempts at a job, for tests of the supervisor and the recorder."""

from sqlalchemy import select

from app.db.session import Database
from app.db.tables import Job, WorkItem
from app.jobs import service as jobs
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as tasks
from tests.datasets import add_dataset
from worker.child import Command
from worker.kinds import make_kinds
from worker.recorder import Recorder


def begin_attempt(database: Database, storage: LocalStorage, settings: Settings) -> Recorder:
    """Create a job, claim it as a worker does, and return the recorder of its attempt."""
    request = JobRequest(dataset_id=add_dataset(database, "ready"), weights="none")
    return begin_job(database, storage, settings, request)[1]


def begin_job(
    database: Database, storage: LocalStorage, settings: Settings, request: JobRequest
) -> tuple[Command, Recorder]:
    """Create and claim a job; return the command for its child, and the recorder of its attempt."""
    with database.transaction() as session:
        jobs.create_job(session, request, settings)
    kinds = make_kinds(settings, storage)
    with database.transaction() as session:
        lease = tasks.claim(session, "train", "me")
        assert lease is not None
        command = kinds["train"].begin(session, lease)
        assert command is not None
    return command, Recorder(database, storage, lease, kinds, settings)


def get_job(database: Database) -> Job:
    """Return the only job."""
    with database.reading() as session:
        return session.scalars(select(Job)).one()


def get_item(database: Database) -> WorkItem:
    """Return the only work item."""
    with database.reading() as session:
        return session.scalars(select(WorkItem)).one()

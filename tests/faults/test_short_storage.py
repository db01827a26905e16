"""Short forms of faults that need no running service: SQLite, checkpoints, races."""

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.faults.attacks_on_database import count_heartbeats, write_from_processes
from tests.faults.attacks_on_storage import kill_writers
from tests.faults.races import cancel_as_it_finishes


def test_processes_that_write_to_sqlite_wait_for_each_other(database: Database) -> None:
    written = write_from_processes(database, processes=3, seconds=1)
    assert [error for one in written for error in one.errors] == []
    assert count_heartbeats(database) == sum(one.beats for one in written) > 0


def test_a_kill_in_checkpoint_writing_leaves_a_pointer_at_a_complete_file(
    database: Database, storage: LocalStorage, settings: Settings
) -> None:
    found = kill_writers(database, storage, settings, times=3)
    assert (found.torn, found.left_after_sweep) == (0, 0)


def test_a_cancellation_that_races_the_end_leaves_one_state(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    winners, contradictions = cancel_as_it_finishes(either_database, storage, settings, times=20)
    assert contradictions == []
    assert winners.total() == 20

"""Write heartbeats to SQLite; the module is light, because several processes import it."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.db.session import Database
from app.tasks import service as work

if TYPE_CHECKING:
    from multiprocessing.queues import Queue


@dataclass(frozen=True)
class Written:
    """What one process has written: its heartbeats, its longest wait in seconds, its errors."""

    beats: int
    longest: float
    errors: list[str]


def beat_for(url: str, subject: str, seconds: float, results: "Queue[Written]") -> None:
    """Lease an item and beat as fast as the database allows; runs in a process of its own."""
    database = Database(url)
    queue = subject  # a queue that no worker serves
    with database.transaction() as session:
        work.enqueue(session, queue=queue, kind="train", subject_id=subject)  # type: ignore[arg-type]
    with database.transaction() as session:
        lease = work.claim(session, queue, subject)
    assert lease is not None
    beats, longest, errors = 0, 0.0, []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        start = time.monotonic()
        try:
            with database.transaction() as session:
                work.beat(session, lease)
            beats += 1
        except Exception as error:  # noqa: BLE001 - every error counts
            errors.append(str(error))
        longest = max(longest, time.monotonic() - start)
    database.close()
    results.put(Written(beats, longest, errors))

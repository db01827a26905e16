"""How workers are rung: after a commit, and again once a broker that was down is there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from app.db.session import Database
from app.tasks import service as tasks
from app.tasks.dispatcher import Dispatcher
from app.tasks.notifications import CeleryNotifier
from tests.servers import find_free_port, running_redis, wait_until

NEVER = 3600.0
SOON = 0.1


@contextmanager
def dispatching(
    database: Database, broker_url: str, *, every_seconds: float
) -> Iterator[Dispatcher]:
    """A dispatcher that hears of the database's commits."""
    queue = CeleryNotifier(broker_url, expires_seconds=60)
    dispatcher = Dispatcher(database, queue, every_seconds=every_seconds)
    database.on_commit = dispatcher.notify
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.close()
        queue.close()


@pytest.fixture
def count_rings(redis_url: str) -> Iterator[Callable[[str], int]]:
    """Counts the messages that wait on a queue of the broker, which is empty at first."""
    with redis.Redis.from_url(redis_url) as broker:
        broker.flushdb()
        yield lambda queue: count_messages(broker, queue)


def count_messages(broker: redis.Redis, queue: str) -> int:
    length = broker.llen(queue)
    assert isinstance(length, int)
    return length


def enqueue(database: Database, *subjects: str) -> None:
    with database.transaction() as session:
        for subject in subjects:
            tasks.enqueue(session, queue="train", kind="train", subject_id=subject)


def enqueue_and_fail(database: Database) -> None:
    with database.transaction() as session:
        tasks.enqueue(session, queue="train", kind="train", subject_id="job_1")
        raise RuntimeError("a request fails")


def test_the_workers_of_a_queue_are_rung_once_for_a_commit(
    database: Database, redis_url: str, count_rings: Callable[[str], int]
) -> None:
    with dispatching(database, redis_url, every_seconds=NEVER):
        enqueue(database, "job_1", "job_2")
        wait_until(lambda: count_rings("train") > 0, "the ring")
        assert (count_rings("train"), count_rings("cpu")) == (1, 0)


def test_what_is_rolled_back_rings_nobody(
    database: Database, redis_url: str, count_rings: Callable[[str], int]
) -> None:
    with dispatching(database, redis_url, every_seconds=NEVER):
        with pytest.raises(RuntimeError, match="a request fails"):
            enqueue_and_fail(database)
        with database.transaction() as other:
            tasks.enqueue(other, queue="cpu", kind="ingest", subject_id="ds_1")
        wait_until(lambda: count_rings("cpu") > 0, "the other's ring")
        assert count_rings("train") == 0


def test_workers_are_rung_again_while_their_work_is_queued(
    database: Database, redis_url: str, count_rings: Callable[[str], int]
) -> None:
    """A ring may be lost, and a process that dies after its commit rings nobody."""
    enqueue(database, "job_1")
    with dispatching(database, redis_url, every_seconds=SOON):
        wait_until(lambda: count_rings("train") > 1, "the second ring")
        with database.transaction() as session:
            lease = tasks.claim(session, "train", "me")
        assert lease is not None
        assert count_rings("cpu") == 0


def test_a_broker_that_was_down_hears_of_the_work_that_came_meanwhile(
    database: Database, tmp_path: Path
) -> None:
    port = find_free_port()
    with (
        ExitStack() as servers,
        dispatching(database, f"redis://127.0.0.1:{port}/0", every_seconds=SOON) as dispatcher,
    ):
        enqueue(database, "job_1")
        wait_until(lambda: dispatcher.broker_error is not None, "the broker's error")
        url = servers.enter_context(running_redis(tmp_path, port))
        with redis.Redis.from_url(url) as broker:
            wait_until(lambda: count_messages(broker, "train") > 0, "the ring")
        wait_until(lambda: dispatcher.broker_error is None, "the end of the error")

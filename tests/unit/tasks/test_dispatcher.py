"""Notification of workers: after a commit, and again after an outage of the broker."""

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
    """Run a dispatcher that is called at the database's commits."""
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
def broker_url(redis_url: str) -> str:
    """A database of the broker's own: workers of end-to-end tests may listen on the first one."""
    return f"{redis_url.removesuffix('/0')}/1"


@pytest.fixture
def count_notifications(broker_url: str) -> Iterator[Callable[[str], int]]:
    """Yield a function that counts the messages in a queue of the broker, which starts empty."""
    with redis.Redis.from_url(broker_url) as broker:
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


def test_a_commit_notifies_each_queue_once(
    database: Database, broker_url: str, count_notifications: Callable[[str], int]
) -> None:
    with dispatching(database, broker_url, every_seconds=NEVER):
        enqueue(database, "job_1", "job_2")
        wait_until(lambda: count_notifications("train") > 0, "the ring")
        assert (count_notifications("train"), count_notifications("cpu")) == (1, 0)


def test_a_rollback_notifies_nobody(
    database: Database, broker_url: str, count_notifications: Callable[[str], int]
) -> None:
    with dispatching(database, broker_url, every_seconds=NEVER):
        with pytest.raises(RuntimeError, match="a request fails"):
            enqueue_and_fail(database)
        with database.transaction() as other:
            tasks.enqueue(other, queue="cpu", kind="ingest", subject_id="ds_1")
        wait_until(lambda: count_notifications("cpu") > 0, "the other's ring")
        assert count_notifications("train") == 0


def test_notifications_repeat_while_work_is_queued(
    database: Database, broker_url: str, count_notifications: Callable[[str], int]
) -> None:
    """A notification may be lost, and a process may exit between commit and notification."""
    enqueue(database, "job_1")
    with dispatching(database, broker_url, every_seconds=SOON):
        wait_until(lambda: count_notifications("train") > 1, "the second ring")
        with database.transaction() as session:
            lease = tasks.claim(session, "train", "me")
        assert lease is not None
        assert count_notifications("cpu") == 0


def test_work_of_an_outage_is_notified_once_the_broker_is_back(
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

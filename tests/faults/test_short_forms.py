"""Short forms of faults, against one service on PostgreSQL and Redis that they all share.

Others of RELIABILITY's rows have their short form elsewhere: `tests/faults/rows.py` lists them.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import attacks_on_broker as broker
from tests.faults import attacks_on_workers as workers
from tests.faults.attacks_on_api import kill_before_reply
from tests.faults.attacks_on_database import count_lost, restart_under_load
from tests.faults.attacks_on_storage import kill_extraction
from tests.faults.clocks import MovableClock, move_clock
from tests.faults.cluster import Cluster, WorkerProcess
from tests.faults.proxy import Proxy, proxying
from tests.faults.races import delete_while_used


@pytest.fixture(scope="module")
def database_proxy(shared_cluster: Cluster) -> Iterator[Proxy]:
    """Stands between the second worker and PostgreSQL."""
    assert shared_cluster.postgres is not None
    with proxying(shared_cluster.postgres.socket) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def second(shared_cluster: Cluster, database_proxy: Proxy) -> Iterator[WorkerProcess]:
    """A second worker for training, for tests that need two."""
    assert shared_cluster.postgres is not None
    worker = shared_cluster.start_worker(
        "second",
        database_url=shared_cluster.postgres.url_through(database_proxy.port),
    )
    yield worker
    worker.end()  # before the next module, or test, that counts workers


@pytest.fixture(scope="module")
def broker_proxy(shared_cluster: Cluster) -> Proxy:
    assert shared_cluster.broker_proxy is not None
    return shared_cluster.broker_proxy


def test_extra_notifications_run_a_job_once(shared_cluster: Cluster) -> None:
    assert broker.notify_too_often(shared_cluster, extra=40) == [1, 1]


def test_workers_are_notified_again_after_the_broker_was_wiped(shared_cluster: Cluster) -> None:
    assert broker.lose_notifications(shared_cluster) > 0


def test_jobs_are_accepted_and_go_on_without_a_broker(shared_cluster: Cluster) -> None:
    submitted, refused, _ = broker.stop_broker(shared_cluster, seconds=1)
    assert (submitted > 0, refused) == (True, 0)


def test_a_frozen_broker_is_left_for_a_new_connection(
    shared_cluster: Cluster, broker_proxy: Proxy
) -> None:
    assert broker.freeze_broker(shared_cluster, broker_proxy) > 0
    broker_proxy.mend()


def test_nothing_acknowledged_is_lost_when_postgresql_restarts(shared_cluster: Cluster) -> None:
    load = restart_under_load(shared_cluster, times=1, pause=(0.5, 1))
    assert load.acknowledged
    assert count_lost(shared_cluster, load) == 0
    assert load.statuses.keys() <= {200, 202, 409, 503}


def test_a_job_that_always_crashes_fails_and_the_next_one_runs(shared_cluster: Cluster) -> None:
    job = workers.crash_every_attempt(shared_cluster, signal.SIGKILL)
    assert (job["status"], job["attempts"]) == ("failed", 3)
    assert job["error"]["code"] == "CHILD_CRASHED"
    after = shared_cluster.finish(shared_cluster.post_job(epochs=1))
    assert after["status"] == "succeeded"


def test_a_repeated_request_makes_no_second_job_after_the_api_was_killed(
    shared_cluster: Cluster,
) -> None:
    assert kill_before_reply(shared_cluster, times=1).duplicates == 0


def test_deletions_of_what_is_used_are_done_or_refused(shared_cluster: Cluster) -> None:
    statuses, half = delete_while_used(shared_cluster, rounds=5)
    assert half == []
    assert statuses.keys() <= {200, 202, 204, 404, 409, 422}


def test_a_dataset_is_unpacked_although_its_process_is_killed(shared_cluster: Cluster) -> None:
    extraction = kill_extraction(shared_cluster, kills=1, num_train=150)
    assert (extraction.status, extraction.orphans) == ("ready", 0)


def test_a_clock_that_is_moved_expires_no_lease(shared_cluster: Cluster, tmp_path: Path) -> None:
    clock = MovableClock(tmp_path / "offset")
    worker = shared_cluster.start_worker("moved", environment=clock.environment)
    assert move_clock(shared_cluster, clock, worker.pid, seconds=1.5) == 0
    worker.end()


def test_a_worker_that_was_frozen_writes_nothing_any_more(
    shared_cluster: Cluster, second: WorkerProcess
) -> None:
    job_id, _ = workers.freeze_worker(shared_cluster, second.pid)
    assert shared_cluster.find_job(job_id).attempts == 2


@pytest.mark.parametrize("freeze", [False, True])
def test_a_worker_without_a_database_stops_its_child_before_its_lease_ends(
    shared_cluster: Cluster, second: WorkerProcess, database_proxy: Proxy, freeze: bool
) -> None:
    _, overlap = workers.isolate_from_database(
        shared_cluster, database_proxy, second.pid, freeze=freeze
    )
    assert overlap <= 0

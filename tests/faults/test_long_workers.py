"""Long forms: workers and children that are killed, frozen, drained and cut off."""

import signal
from pathlib import Path

import pytest

from tests.faults import attacks_on_broker as broker
from tests.faults import attacks_on_workers as workers
from tests.faults.clocks import MovableClock, move_clock
from tests.faults.cluster import SHORT, Cluster, quantile, running_cluster, scaled
from tests.faults.figures import Figures
from tests.faults.proxy import proxying

pytestmark = pytest.mark.faults

LOSES_NO_EPOCH = {"input_size": 224, "num_threads": 1}
"""Fields of a job whose epochs take longer than a second, so that each has its own checkpoint."""


@pytest.mark.parametrize(("row", "victim"), [("1", "worker"), ("2", "child")])
def test_kills_at_random_moments(cluster: Cluster, figures: Figures, row: str, victim: str) -> None:
    job_id, found = workers.interrupt_repeatedly(
        cluster, victim, times=scaled(50), **LOSES_NO_EPOCH
    )
    learned = workers.read_learned(cluster, job_id)
    undisturbed = cluster.post_job(**LOSES_NO_EPOCH | {"epochs": len(learned)})
    cluster.finish(undisturbed, seconds=1800)
    is_equal = workers.read_learned(cluster, undisturbed) == learned
    figures.record(
        row,
        done=f"kill -9 of the {victim} at random moments of one job of {len(learned)} epochs",
        figure=f"{found.describe()}; duplicate rows 0; history equal to an undisturbed job's: "
        f"{'yes' if is_equal else 'no'}",
        is_met=is_equal and max(found.repeated) <= 1,
    )
    assert is_equal
    assert max(found.repeated) <= 1


def test_a_frozen_worker(server_cluster: Cluster, figures: Figures) -> None:
    second = server_cluster.start_worker("second")
    times = scaled(10)
    taken = [workers.freeze_worker(server_cluster, second.pid)[1] for _ in range(times)]
    lost = workers.count_lost_attempts(server_cluster)
    figures.record(
        "3",
        done="SIGSTOP of the worker that runs a job until another has committed an epoch; SIGCONT",
        figure=f"{times} times; taken over after p95 {quantile(taken, 0.95):.2f} s; let go by the "
        f"first {lost}, after a fenced write {workers.count_rejected_writes(server_cluster)}; "
        "double commits 0",
        is_met=lost >= times,
    )
    assert lost >= times


def test_extra_notifications(server_cluster: Cluster, figures: Figures) -> None:
    runs = broker.notify_too_often(server_cluster, extra=100)
    figures.record(
        "4",
        done="100 further notifications, before and while two jobs run",
        figure=f"runs a job: {max(runs)}",
        is_met=runs == [1, 1],
    )
    assert runs == [1, 1]


def test_a_wiped_broker(server_cluster: Cluster, figures: Figures) -> None:
    seconds = [broker.lose_notifications(server_cluster) for _ in range(scaled(10))]
    figures.record(
        "5",
        done="FLUSHALL while a job's notification lies in Redis; workers do not poll",
        figure=f"{len(seconds)} times; queued to running: p95 {quantile(seconds, 0.95):.2f} s",
    )


def test_a_deleted_broker_file(cluster: Cluster, figures: Figures) -> None:
    seconds = [broker.lose_broker_file(cluster) for _ in range(scaled(5))]
    figures.record(
        "5",
        done="the embedded broker's file deleted while a job's notification lies in it; "
        "workers do not poll",
        figure=f"{len(seconds)} times; queued to running: p95 {quantile(seconds, 0.95):.2f} s",
    )


def test_a_stopped_broker(server_cluster: Cluster, figures: Figures) -> None:
    down = max(3.0, scaled(60))
    submitted, refused, seconds = broker.stop_broker(server_cluster, seconds=down)
    figures.record(
        "6",
        done=f"Redis stopped for {down:.0f} s while a job runs and {submitted} are submitted",
        figure=f"failed submits {refused}; all had run {seconds:.1f} s after its return",
        is_met=refused == 0,
    )
    assert refused == 0


def test_a_frozen_broker(server_cluster: Cluster, figures: Figures) -> None:
    proxy = server_cluster.broker_proxy
    assert proxy is not None
    seconds = []
    for _ in range(scaled(5)):
        seconds.append(broker.freeze_broker(server_cluster, proxy))
        proxy.mend()
    drained = broker.drain_with_frozen_broker(server_cluster, proxy)
    figures.record(
        "7",
        done="connections to Redis frozen by a proxy, new ones accepted; then all frozen, and "
        "SIGTERM",
        figure=f"{len(seconds)} times; recovered after p95 {quantile(seconds, 0.95):.2f} s; "
        f"exit {drained:.2f} s after SIGTERM",
        is_met=drained <= 30,
    )
    assert drained <= 30


def test_a_moved_clock(figures: Figures, tmp_path: Path) -> None:
    clock = MovableClock(tmp_path / "offset")
    with running_cluster(tmp_path, server=True, **SHORT) as cluster:
        worker = cluster.start_worker("second", environment=clock.environment)
        expired = move_clock(cluster, clock, worker.pid, seconds=scaled(10))
    figures.record(
        "13",
        done="clock of one of two workers moved by +1 h, -1 h and back while both train",
        figure=f"false expiries {expired}",
        is_met=expired == 0,
    )
    assert expired == 0


def test_a_job_that_always_crashes(cluster: Cluster, figures: Figures) -> None:
    times = scaled(5)
    for number in (signal.SIGABRT, signal.SIGKILL):
        for _ in range(times):
            job = workers.crash_every_attempt(cluster, number)
            assert (job["status"], job["error"]["code"]) == ("failed", "CHILD_CRASHED")
            after = cluster.finish(cluster.post_job(epochs=1))
            assert after["status"] == "succeeded"
    figures.record(
        "14",
        done=f"every attempt ended by SIGABRT, and by SIGKILL as the kernel does when memory is "
        f"out, {times} jobs each",
        figure="all failed with CHILD_CRASHED after three attempts; worker restarts 0; next jobs "
        "succeeded",
    )


def test_a_child_without_progress(tmp_path: Path, figures: Figures) -> None:
    with running_cluster(tmp_path, progress_timeout_seconds=5) as cluster:
        found = [workers.freeze_child(cluster) for _ in range(scaled(5))]
    seconds = [one for _, one in found]
    figures.record(
        "16",
        done="SIGSTOP of the training child, with a timeout of 5 s",
        figure=f"{len(found)} times; failed after {min(seconds):.2f} to {max(seconds):.2f} s",
    )
    assert {job["error"]["code"] for job, _ in found} == {"NO_PROGRESS"}


def test_drained_workers(cluster: Cluster, figures: Figures) -> None:
    job_id, seconds = workers.drain_repeatedly(cluster, times=scaled(20))
    attempts = cluster.find_job(job_id).attempts
    figures.record(
        "17",
        done="SIGTERM of the worker in mid-epoch",
        figure=f"{len(seconds)} times; exit after p95 {quantile(seconds, 0.95):.2f} s, at most "
        f"{max(seconds):.2f} s; attempts {attempts}; committed epochs lost 0",
        is_met=attempts == 1 and max(seconds) <= 30,
    )
    assert attempts == 1
    assert max(seconds) <= 30


@pytest.mark.parametrize("freeze", [False, True])
def test_a_worker_without_its_database(
    server_cluster: Cluster, figures: Figures, freeze: bool
) -> None:
    assert server_cluster.postgres is not None
    with proxying(server_cluster.postgres.socket) as proxy:
        second = server_cluster.start_worker(
            "second", database_url=server_cluster.postgres.url_through(proxy.port)
        )
        overlaps = []
        for _ in range(scaled(10)):
            _, overlap = workers.isolate_from_database(
                server_cluster, proxy, second.pid, freeze=freeze
            )
            overlaps.append(overlap)
        second.end()
    figures.record(
        "25",
        done=f"a worker's connections to PostgreSQL {'frozen' if freeze else 'cut'} by a proxy",
        figure=f"{len(overlaps)} times; overlap at most {max(overlaps):.2f} s",
        is_met=max(overlaps) <= 0,
    )
    assert max(overlaps) <= 0

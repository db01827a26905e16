"""Long forms: databases, storage, races, and the API."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.faults.attacks_on_api import (
    SUICIDE,
    kill_after_commit,
    kill_before_reply,
    serve_too_many_models,
)
from tests.faults.attacks_on_database import (
    Load,
    count_heartbeats,
    count_lost,
    restart_under_load,
    write_from_processes,
)
from tests.faults.attacks_on_storage import kill_extraction, kill_writers
from tests.faults.cluster import Cluster, running_cluster, scaled
from tests.faults.figures import Figures, list_counts
from tests.faults.races import cancel_as_it_finishes, delete_while_used

if TYPE_CHECKING:
    from tests.faults.sqlite_writer import Written

pytestmark = pytest.mark.faults


def test_postgresql_restarts(server_cluster: Cluster, figures: Figures) -> None:
    times = scaled(20)
    load = restart_under_load(server_cluster, times=times, pause=(5, 20))
    lost = count_lost(server_cluster, load)
    answers = ", ".join(f"{status}: {n}" for status, n in sorted(load.statuses.items()))
    figures.record(
        "8",
        done=f"PostgreSQL restarted {times} times, every 5 to 20 s, while four clients write and "
        "a job runs",
        figure=f"acknowledged {len(load.acknowledged)} jobs and {len(load.cancelled)} "
        f"cancellations; lost {lost}; answers {answers}",
        is_met=lost == 0 and 500 not in load.statuses,
    )
    assert lost == 0
    assert 500 not in load.statuses


def test_many_writers_of_sqlite(tmp_path: Path, figures: Figures) -> None:
    seconds = float(scaled(60))
    written: list[Written] = []
    with running_cluster(tmp_path, lease_seconds=60, silence_seconds=50) as cluster:
        load = Load(cluster.graft.running.url, cluster.dataset_id)

        def write() -> None:
            written.extend(write_from_processes(cluster.database, processes=4, seconds=seconds))

        load.run_during(write)
        stored = count_heartbeats(cluster.database)
    beats = sum(one.beats for one in written)
    errors = [error for one in written for error in one.errors]
    longest = max(one.longest for one in written)
    figures.record(
        "9",
        done=f"four processes of workers and four clients of the API write for {seconds:.0f} s",
        figure=f"{beats} heartbeats, {len(load.acknowledged)} jobs; lost updates "
        f"{beats - stored}; longest wait {longest:.2f} s; errors {len(errors)}",
        is_met=beats == stored and not errors and 500 not in load.statuses,
    )
    assert errors == []
    assert beats == stored
    assert load.statuses.keys() <= {200, 202, 409}


def test_kills_in_checkpoint_writing(
    database: Database, storage: LocalStorage, settings: Settings, figures: Figures
) -> None:
    found = kill_writers(database, storage, settings, times=scaled(200))
    figures.record(
        "12",
        done=f"kill -9 at {found.kills} random moments of a process that writes and records "
        "checkpoints",
        figure=f"{found.in_writing} hit a file in writing; torn reads {found.torn}; files left "
        f"after a sweep {found.left_after_sweep}",
        is_met=found.torn == 0,
    )
    assert (found.torn, found.left_after_sweep) == (0, 0)


def test_api_killed_before_its_reply(cluster: Cluster, figures: Figures) -> None:
    found = kill_before_reply(cluster, times=scaled(30))
    figures.record(
        "18",
        done=f"kill -9 of the API {found.kills} times, as soon as a new job is committed; a proxy "
        "keeps the reply from the client, which repeats the request with its Idempotency-Key",
        figure=f"{found.kills} of {found.kills} replies lost after the commit, "
        f"{found.before_reply} of them before the API had sent a byte; duplicate jobs "
        f"{found.duplicates}",
        is_met=found.duplicates == 0,
    )
    assert found.duplicates == 0


def test_api_killed_between_commit_and_reply(
    tmp_path: Path, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, times = tmp_path / "kill", scaled(30)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SUICIDE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("GRAFT_TEST_KILL_MARKER", str(marker))
    with running_cluster(tmp_path) as cluster:
        found = kill_after_commit(cluster, marker, times=times)
    figures.record(
        "18",
        done=f"the API kills itself {times} times right after the commit of a new job; the request "
        "repeated with its Idempotency-Key",
        figure=f"{found.before_reply} fell between commit and reply; duplicate jobs "
        f"{found.duplicates}",
        is_met=found.before_reply == times and found.duplicates == 0,
    )
    assert found.before_reply == times
    assert found.duplicates == 0


def test_more_models_than_the_cache_holds(tmp_path: Path, figures: Figures) -> None:
    with running_cluster(tmp_path, model_cache_bytes=10_000_000) as cluster:
        found = serve_too_many_models(cluster, models=12, requests=scaled(1000))
    figures.record(
        "21",
        done="12 models of 3 MB, a cache of 10 MB, eight clients",
        figure=f"answers {list_counts(found.statuses)}, wrong ones {found.wrong}; loads "
        f"{found.loads}, evictions {found.evictions}; memory of the API {found.idle_mib} MiB idle, "
        f"at most {found.peak_mib} MiB",
        is_met=found.statuses.keys() == {200} and found.wrong == 0,
    )
    assert found.statuses.keys() == {200}
    assert found.wrong == 0


def test_deletions_of_what_is_used(cluster: Cluster, figures: Figures) -> None:
    rounds = scaled(200)
    statuses, half = delete_while_used(cluster, rounds=rounds)
    figures.record(
        "22",
        done=f"{rounds} rounds: a dataset deleted as a job is posted on it; a version deleted as "
        "it is promoted and predicts",
        figure=f"answers {list_counts(statuses)}; half-done {len(half)}",
        is_met=not half and max(statuses) < 500,
    )
    assert half == []
    assert max(statuses) < 500


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_cancel_races_finish(
    request: pytest.FixtureRequest,
    storage: LocalStorage,
    settings: Settings,
    figures: Figures,
    backend: str,
) -> None:
    name = "database" if backend == "sqlite" else "postgres_database"
    times = scaled(1000)
    winners, contradictions = cancel_as_it_finishes(
        request.getfixturevalue(name), storage, settings, times=times
    )
    figures.record(
        "23",
        done=f"{times} jobs cancelled as the worker records their result, on {backend}",
        figure=f"{list_counts(winners)}; contradictions {len(contradictions)}",
        is_met=not contradictions,
    )
    assert contradictions == []


def test_kills_in_extraction(cluster: Cluster, figures: Figures) -> None:
    found = [
        kill_extraction(cluster, kills=1 + turn % 3, num_train=150) for turn in range(scaled(9))
    ]
    orphans = sum(one.orphans for one in found)
    ends = sorted({(one.kills, one.status, one.error_code or "") for one in found})
    figures.record(
        "24",
        done=f"kill -9 of the child that unpacks, one to three times, {len(found)} datasets",
        figure="; ".join(f"{kills} kills: {status} {code}".strip() for kills, status, code in ends)
        + f"; orphans after deletion and sweep {orphans}",
        is_met=orphans == 0,
    )
    assert orphans == 0

"""Long forms: crowds of slow, idle and simultaneous clients, and a service that is held up."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.predictions.lanes import FRESH_SECONDS
from app.storage import LocalStorage
from tests.faults import attacks_on_connections as crowds
from tests.faults.attacks_on_api import read_memory
from tests.faults.cluster import Cluster, quantile, running_cluster, scaled
from tests.faults.figures import Figures, list_counts
from tests.faults.good_client import good_client
from tests.faults.holdups import freeze_postgres, hold_up_sqlite
from tests.models import register_model

pytestmark = pytest.mark.faults

OVERLOAD = {200, 429, 503}


def add_model(cluster: Cluster) -> None:
    """Register a model, which is chosen because it is the first, and predict once with it."""
    register_model(
        cluster.database, LocalStorage(cluster.graft.running.data_dir / "storage"), "model-0"
    )
    warm = crowds.gather_crowd(cluster.graft.running.url, crowds.predict_once, 1)
    assert warm.statuses == {200: 1}


def test_slow_clients(tmp_path: Path, figures: Figures) -> None:
    number = scaled(500)
    with running_cluster(tmp_path, body_seconds=10) as cluster:
        add_model(cluster)
        url = cluster.graft.running.url
        with good_client(f"{url}/jobs") as good, ThreadPoolExecutor(1) as pool:
            attack = pool.submit(crowds.gather_crowd, url, crowds.trickle_body, number)
            time.sleep(
                2 * FRESH_SECONDS
            )  # until then, a slow body may have the place of a good one
            served = crowds.gather_crowd(url, crowds.predict_once, 20, at_once=1)
            is_attacked = not attack.done()
            slow = attack.result()
    figures.record(
        "19",
        done=f"{number} clients send a predict body at 1 byte/s; a body may take 10 s",
        figure=f"slow ones {list_counts(slow.statuses)}, the last after "
        f"{max(slow.seconds):.1f} s; meanwhile predicts of a good client "
        f"{list_counts(served.statuses)}, p99 {quantile(served.seconds, 0.99):.3f} s, and its "
        f"GET /jobs: {good.describe()}",
        is_met=served.statuses.keys() == good.statuses.keys() == {200} and 200 not in slow.statuses,
    )
    assert is_attacked
    assert slow.statuses.keys() <= {408, 503, 0}, "cut at the deadline, or refused at once"
    assert served.statuses == {200: 20}
    assert good.statuses.keys() == {200}


def test_many_predictions_at_once(tmp_path: Path, figures: Figures) -> None:
    number = scaled(10_000)
    with running_cluster(tmp_path) as cluster:
        add_model(cluster)
        url = cluster.graft.running.url
        idle = read_memory(crowds.find_api(cluster), "VmRSS")
        with good_client(f"{url}/livez") as good:
            crowd = crowds.gather_crowd(url, crowds.predict_once, number, at_once=900)
        peak = crowds.measure_memory(cluster)
        after = crowds.gather_crowd(url, crowds.predict_once, 1)
    answered = crowd.statuses[200]
    figures.record(
        "20",
        done=f"{number} predicts, 900 at any time",
        figure=f"answers {list_counts(crowd.statuses)}, {1 - answered / number:.0%} refused, p99 "
        f"{quantile(crowd.seconds, 0.99):.2f} s; without Retry-After "
        f"{crowd.without_retry_after}; memory of the API {idle} MiB idle, at most {peak} MiB; "
        f"/livez: {good.describe()}",
        is_met=crowd.statuses.keys() <= OVERLOAD and crowd.without_retry_after == 0,
    )
    assert crowd.statuses.keys() <= OVERLOAD
    assert crowd.without_retry_after == 0
    assert after.statuses == {200: 1}
    assert good.statuses.keys() == {200}


def test_idle_bodies_half_headers_and_huge_headers(tmp_path: Path, figures: Figures) -> None:
    kinds = {
        "idle chunked bodies": (crowds.leave_body_idle, scaled(40)),
        "half-sent headers": (crowds.leave_headers_half_sent, scaled(300)),
        "headers of 100 MB": (crowds.send_huge_header, scaled(3)),
    }
    found: dict[str, crowds.Crowd] = {}
    with running_cluster(tmp_path, body_seconds=10, header_seconds=5) as cluster:
        add_model(cluster)
        url = cluster.graft.running.url

        def attack(name: str) -> None:
            client, number = kinds[name]
            found[name] = crowds.gather_crowd(url, client, number)

        with good_client(f"{url}/jobs") as good:
            attacks = [threading.Thread(target=attack, args=(name,)) for name in kinds]
            for one in attacks:
                one.start()
            served = crowds.gather_crowd(url, crowds.predict_once, scaled(100), at_once=1)
            for one in attacks:
                one.join()
        peak = crowds.measure_memory(cluster)
    failed = sum(number for status, number in good.statuses.items() if status != 200)
    failed += sum(number for status, number in served.statuses.items() if status != 200)
    told = "; ".join(
        f"{sum(one.statuses.values())} {name}: {list_counts(one.statuses)} within "
        f"{max(one.seconds):.1f} s"
        for name, one in found.items()
    )
    figures.record(
        "29",
        done="idle chunked predict bodies, half-sent headers and huge headers at once; headers may "
        "take 5 s, bodies 10 s",
        figure=f"{told}; good requests failed {failed} ({good.describe()}); memory of the API at "
        f"most {peak} MiB",
        is_met=failed == 0,
    )
    assert failed == 0
    assert all(200 not in one.statuses for one in found.values())


def test_liveness_while_sqlite_is_held_up(tmp_path: Path, figures: Figures) -> None:
    with (
        running_cluster(tmp_path) as cluster,
        good_client(f"{cluster.graft.running.url}/livez") as good,
    ):
        others = hold_up_sqlite(cluster, previews=scaled(120), seconds=scaled(30))
    figures.record(
        "30",
        done=f"{scaled(120)} charts at once, while another program holds SQLite's write lock for "
        f"{scaled(30)} s and jobs are posted",
        figure=f"/livez: {good.describe()}; the others {list_counts(others)}",
        is_met=good.statuses.keys() == {200} and 500 not in others,
    )
    assert good.statuses.keys() == {200}
    assert others.keys() <= {200, 202, 503}


def test_liveness_while_postgresql_is_frozen(server_cluster: Cluster, figures: Figures) -> None:
    with good_client(f"{server_cluster.graft.running.url}/livez") as good:
        others = freeze_postgres(server_cluster, requests=scaled(120), seconds=scaled(30))
    figures.record(
        "30",
        done=f"PostgreSQL frozen for {scaled(30)} s, {scaled(120)} requests that need it",
        figure=f"/livez: {good.describe()}; the others {list_counts(others)}",
        is_met=good.statuses.keys() == {200} and 500 not in others,
    )
    assert good.statuses.keys() == {200}
    assert others.keys() <= {200, 202, 503}

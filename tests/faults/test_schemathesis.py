"""Generated requests to every operation of /openapi.json (Schemathesis), against real processes."""

from pathlib import Path

import pytest

from tests.faults.cluster import SCALE, Cluster, running_cluster
from tests.faults.figures import Figures
from tests.faults.schemathesis_run import run_schemathesis

OPEN = "to a service without access control"
CALLERS = {
    OPEN: 600,
    "with an administrator's key": 300,
    "with the key of another tenant's administrator": 300,
    "without a key, where one is needed": 60,
}
"""Who sends the requests, and for how many seconds."""

BACKENDS = {"SQLite": False, "PostgreSQL": True}
"""Databases, and whether the service uses servers."""


@pytest.mark.xdist_group("shared cluster")
def test_some_requests_to_every_operation(shared_cluster: Cluster, tmp_path: Path) -> None:
    outcome = run_schemathesis(
        shared_cluster.graft.running.url,
        tmp_path,
        phases=("fuzzing",),
        max_examples=1,
        seed=1,
    )
    assert outcome.has_passed, outcome.report
    assert outcome.requests > 50


@pytest.mark.faults
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_in_all_phases(
    figures: Figures, tmp_path: Path, backend: str, caller: str
) -> None:
    control = {} if caller == OPEN else {"access_control": "true"}
    with running_cluster(tmp_path, server=BACKENDS[backend], **control) as cluster:
        cluster.finish(cluster.post_job(epochs=1))
        before = list_belongings(cluster)
        outcome = run_schemathesis(
            cluster.graft.running.url,
            tmp_path,
            key=make_key(cluster, caller),
            max_seconds=max(30, int(CALLERS[caller] * SCALE)),
        )
        is_untouched = "another" not in caller or list_belongings(cluster) == before
    for row in ("schemathesis", "odd-headers"):
        figures.record(
            row,
            done=f"all phases of Schemathesis {caller}, on {backend}",
            figure=f"{outcome.requests} requests; "
            + ("nothing found" if outcome.has_passed else "failures, see the test's report"),
            is_met=outcome.has_passed and is_untouched,
        )
    assert outcome.has_passed, outcome.report
    assert is_untouched


def make_key(cluster: Cluster, caller: str) -> str | None:
    """Create the key that a caller sends; None for one that sends none."""
    if "key of another tenant" in caller:
        return cluster.make_admin_key("another")
    return cluster.make_admin_key() if caller.startswith("with ") else None


def list_belongings(cluster: Cluster) -> dict[str, list[object]]:
    """Return what the default tenant has, as another one must leave it."""
    paths = ("/datasets", "/jobs", "/models", "/predictions")
    return {path: cluster.graft.get(path)["data"] for path in paths}

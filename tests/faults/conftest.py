"""Fixtures of the tests of faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import SHORT, Cluster, running_cluster
from tests.faults.figures import Figures


@pytest.fixture
def figures(request: pytest.FixtureRequest, tmp_path: Path) -> Figures:
    """Collect the figures of a long form; those of a short form are thrown away."""
    name = request.node.nodeid.removeprefix("tests/faults/")
    if request.node.get_closest_marker("faults") is None:
        return Figures(name, tmp_path / "figures.json")
    return Figures(name)


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The service of all short forms, on PostgreSQL and Redis; each test leaves it intact."""
    with running_cluster(tmp_path_factory.mktemp("faults"), server=True, **SHORT) as cluster:
        yield cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A service of a long form's own, on SQLite and the embedded broker."""
    with running_cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def server_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A service of a long form's own, on PostgreSQL, and on Redis behind a proxy."""
    with running_cluster(tmp_path, server=True) as cluster:
        yield cluster

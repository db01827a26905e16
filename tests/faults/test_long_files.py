"""Long forms: damaged models, a full disk, and a second service on the same folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.disks import SmallDisk, mounting_small_disk
from tests.faults import attacks_on_files as files
from tests.faults.cluster import Cluster, quantile, running_cluster, scaled
from tests.faults.figures import Figures, list_counts

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Small:
    """A service whose data folder is a small disk of its own."""

    cluster: Cluster
    disk: SmallDisk


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with (
        mounting_small_disk(tmp_path / "graft", files.DISK_BYTES) as disk,
        running_cluster(tmp_path, storage_floor_bytes=files.FLOOR_BYTES) as cluster,
    ):
        assert cluster.dataset_id
        yield Small(cluster, disk)
        disk.free()


def test_a_disk_that_fills_during_uploads(small: Small, figures: Figures) -> None:
    times = scaled(20)
    found = files.fill_during_uploads(small.cluster, small.disk, times=times)
    figures.record(
        "10",
        done=f"{times} uploads of 24 MiB, with and without a declared length, onto a tmpfs with "
        "room for less",
        figure=f"answers {list_counts(found.statuses)}; files left {found.orphans}; datasets left "
        f"{found.half}",
        is_met=found.statuses.keys() == {507} and found.orphans == found.half == 0,
    )
    assert (found.orphans, found.half) == (0, 0)
    assert found.statuses.keys() == {507}


def test_a_disk_that_fills_during_training(small: Small, figures: Figures) -> None:
    found = files.fill_during_training(small.cluster, small.disk, times=scaled(20))
    figures.record(
        "11",
        done=f"a tmpfs filled {found.times} times at random moments of one job, and freed",
        figure=f"best checkpoints that did not load {found.unreadable}; requeued with "
        f"{', '.join(sorted(found.reasons))}; attempts {found.attempts}; running again after p95 "
        f"{quantile(found.seconds, 0.95):.2f} s",
        is_met=found.unreadable == 0 and found.attempts == 1,
    )
    assert found.unreadable == 0
    assert found.attempts == 1
    assert found.reasons == {"STORAGE_FULL"}


def test_a_disk_without_a_byte_for_a_while(small: Small, figures: Figures) -> None:
    seconds = scaled(60)
    found = files.fill_for_a_while(small.cluster, small.disk, seconds=seconds)
    figures.record(
        "27",
        done=f"a tmpfs with 0 bytes free for {seconds} s, with a running job, two that wait and a "
        "dataset that is unpacked",
        figure=f"/readyz degraded: {'yes' if found.was_told else 'no'}; POST /jobs "
        f"{list_counts(found.refused)}; lost {found.lost}; running again after "
        f"{found.seconds:.2f} s",
        is_met=found.was_told and found.lost == 0 and found.refused.keys() == {507},
    )
    assert found.refused.keys() == {507}
    assert found.was_told
    assert found.lost == 0


def test_damaged_models(cluster: Cluster, figures: Figures) -> None:
    times = scaled(12)
    found = files.damage_served_models(cluster, times=times)
    figures.record(
        "26",
        done=f"the file of the served model altered, truncated or deleted, {times} times; then "
        "kill -9 of the API",
        figure=f"{found.while_running} predictions before the restart, wrong ones {found.wrong}; "
        f"after it CHECKPOINT_INVALID {found.refused}, degraded {found.degraded}, another model "
        f"right {found.others} of {times}",
        is_met=found.wrong == 0 and found.refused == found.degraded == found.others == times,
    )
    assert found.wrong == 0
    assert (found.refused, found.degraded, found.others) == (times, times, times)


def test_second_services(cluster: Cluster, figures: Figures) -> None:
    times = scaled(5)
    named = files.start_second_services(cluster, times=times)
    figures.record(
        "32",
        done=f"`graft up` started {times} times on the data folder of a running service",
        figure=f"{named} ended with an error that names the first; the first goes on",
        is_met=named == times,
    )
    assert named == times
    assert cluster.graft.get("/livez") == {"status": "ok"}

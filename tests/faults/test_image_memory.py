"""Memory of running API processes while large images are decoded (fault 28)."""

import io
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from app.ml.images.pixel_budget import MAX_BYTES_PER_PIXEL
from tests.faults.figures import Figures
from tests.images import draw_picture, encode
from tests.servers import list_descendants, running_graft, wait_until

MIB = 1024 * 1024
SLACK_BYTES = 96 * MIB
"""For each process: threads' stacks, files, and the pieces of 1,048,576 pixels in conversion."""


def encode_plain(side: int, shade: int, image_format: str) -> bytes:
    """Encode a square of one colour: hundreds of kilobytes at most, and millions of pixels."""
    file = io.BytesIO()
    image = Image.new("RGBA" if image_format == "PNG" else "RGB", (side, side), (shade, 80, 9))
    if image_format == "PNG":
        image.putalpha(200)
    options = {"lossless": True, "method": 0} if image_format == "WEBP" else {}
    image.save(file, image_format, **options)
    return file.getvalue()


def upload(http: httpx.Client, images: Sequence[bytes]) -> str:
    """Upload a dataset whose images 1, 2, … are these, and wait until it is ready."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, content in enumerate(images):
            archive.writestr(f"train/ants/{number:03}.png", content)
        for name in ("train/bees/1.png", "val/ants/1.png", "val/bees/1.png"):
            archive.writestr(name, encode(draw_picture(seed=len(name))))
    answer = http.post("/datasets", files={"file": ("big.zip", file.getvalue())})
    path = f"/datasets/{answer.raise_for_status().json()['id']}"
    wait_until(lambda: http.get(path).json()["status"] != "ingesting", "the dataset", seconds=240)
    dataset = http.get(path).json()
    assert dataset["status"] == "ready", dataset["error"]
    assert dataset["report"]["counts"]["rejected"] == 0, dataset["report"]["rejected"]
    return path


def list_api_processes(pid: int) -> list[int]:
    return [one for one, title in list_descendants(pid).items() if title.strip() == "graft api"]


def read_peak(pid: int) -> int:
    """Return the largest resident memory of a process in bytes, since its peak was reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def measure_peaks(pids: Sequence[int], images: Sequence[str], url: str) -> dict[int, int]:
    """Request all thumbnails at once; return by how much the memory of each process grew."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is now what is resident
    idle = {pid: read_peak(pid) for pid in pids}
    with ThreadPoolExecutor(len(images)) as pool:
        answers = list(pool.map(lambda path: httpx.get(url + path, timeout=300), images))
    assert [answer.status_code for answer in answers] == [200] * len(images)
    assert {answer.headers["content-type"] for answer in answers} == {"image/jpeg"}
    return {pid: read_peak(pid) - idle[pid] for pid in pids}


def test_thumbnails_of_large_images_stay_within_the_budget(tmp_path: Path) -> None:
    """Two of these images at a time, as many as there are threads, would exceed it."""
    side, num_pixels = 4900, 25_000_000
    images = [encode_plain(side, 20 * number, "WEBP") for number in range(5)]
    assert max(map(len, images)) < 1000
    with running_graft(tmp_path, max_pixels_in_flight=num_pixels) as graft:
        with httpx.Client(base_url=graft.url, timeout=60) as http:
            path = upload(http, images)
        pids = list_api_processes(graft.pid)
        assert len(pids) == 1
        paths = [f"{path}/images/{number}?size=64" for number in (1, 2, 3, 4, 5)] * 2
        (grown,) = measure_peaks(pids, paths, graft.url).values()
    assert grown > side * side * 4  # the images really were decoded here
    assert grown < num_pixels * MAX_BYTES_PER_PIXEL + SLACK_BYTES


@pytest.mark.faults
def test_thumbnails_of_100_megapixels_stay_within_the_budget(
    tmp_path: Path, figures: Figures
) -> None:
    """The attack that once took two processes to 7.6 and 11.9 GB, with the default settings."""
    images = [encode_plain(9990, shade, kind) for shade in (9, 99) for kind in ("PNG", "WEBP")]
    assert max(map(len, images)) < 450_000
    with running_graft(tmp_path, api_processes=2) as graft:
        with httpx.Client(base_url=graft.url, timeout=300) as http:
            path = upload(http, images)
        pids = list_api_processes(graft.pid)
        paths = [f"{path}/images/{number}?size=64" for number in (1, 2, 3, 4)] * 5
        peaks = measure_peaks(pids, paths, graft.url)
    assert len(peaks) == 2
    grown, allowed = max(peaks.values()), 128_000_000 * MAX_BYTES_PER_PIXEL + SLACK_BYTES
    figures.record(
        "28",
        done=f"{len(paths)} thumbnails of four images of 100 megapixels at once, two processes",
        figure=f"memory of a process grew by at most {grown // MIB} MiB; the budget allows "
        f"{allowed // MIB} MiB",
        is_met=grown < allowed,
    )
    assert grown < allowed

"""Measure the dashboard in Chromium: largest paints, and frames while scrolling.

    python -m benchmarks.dashboard [--runs 5]

The service holds 100,000 images and jobs, 10,000 epochs and 1,200 classes (`benchmarks.overfull`).
Each page is opened with an empty cache, in turn with `/docs` (Swagger UI), whose largest paint is
the reference. It needs the built dashboard (`make web`) and Chromium.
"""

import argparse
import io
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.graft_service import running_service
from benchmarks.machine import describe_machine
from benchmarks.overfull import overfill
from benchmarks.processes import environment_for
from graft_client import Graft

REFERENCE = "/docs"
NUM_SCROLLS = 40

_LARGEST_PAINT = """() => new Promise((resolve) => {
  let last = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) last = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  setTimeout(() => resolve(last), 2500);
})"""

_START_FRAMES = """() => {
  window.frames_ms = [];
  let before = performance.now();
  const next = (now) => {
    window.frames_ms.push(now - before);
    before = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""


def main() -> None:
    """Measure every page, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="number of visits of each page")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or sys.exit("Chromium is missing: apt-get install chromium")
    environment = environment_for("default")
    print(f"{describe_machine()}\n")
    with (
        TemporaryDirectory() as name,
        running_service(environment, Path(name), Path(name)) as (url, _),
        sync_playwright() as playwright,
    ):
        pages = prepare(url, Path(name))
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        paints = measure_paints(browser, url, pages, options.runs)
        frames = {path: measure_frames(browser, url + path) for path in pages.values()}
        browser.close()
    reference = median(paints[REFERENCE])
    print("| page | largest paint | beside Swagger UI | frames while scrolling: median, p95 |")
    print("|---|---|---|---|")
    print(f"| Swagger UI | {reference / 1000:.2f} s | 1.00 | |")
    for title, path in pages.items():
        paint = median(paints[path])
        p95 = quantiles(frames[path], n=20)[-1]
        print(
            f"| {title} | {paint / 1000:.2f} s | {paint / reference:.2f} | "
            f"{median(frames[path]):.0f}, {p95:.0f} ms |"
        )


def prepare(url: str, data_dir: Path) -> Mapping[str, str]:
    """Train a tiny job and multiply its rows; return the pages by title."""
    with Graft(url) as graft:
        archive = data_dir / "drawn.zip"
        archive.write_bytes(_draw_archive())
        dataset = graft.datasets.upload(archive, name="overfull", progress=False)
        dataset.wait(progress=False)
        job = graft.train(
            dataset,
            architecture="squeezenet1_0",
            strategy="scratch",
            weights="none",
            input_size=32,
            epochs=2,
        )
        job.wait(progress=False)
    overfill(data_dir, dataset_id=dataset.id, job_id=job.id)
    return {
        "Home": "/ui/",
        "Dataset of 100,000 images, 1,200 classes": f"/ui/datasets/{dataset.id}",
        "100,000 jobs": "/ui/jobs",
        "Job of 10,000 epochs": f"/ui/jobs/{job.id}",
    }


def _draw_archive() -> bytes:
    draw = np.random.default_rng(0)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for label in ("first", "second"):
            for split, number in (("train", 8), ("val", 4)):
                for index in range(number):
                    image = io.BytesIO()
                    pixels = draw.integers(0, 255, (160, 160, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(image, "JPEG")
                    files.writestr(f"{split}/{label}/{index}.jpg", image.getvalue())
    return archive.getvalue()


def measure_paints(
    browser: Browser, url: str, pages: Mapping[str, str], num_runs: int
) -> dict[str, list[float]]:
    """Return milliseconds until the largest paint of each page, with an empty cache."""
    paths = [REFERENCE, *pages.values()]
    paints: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(num_runs):
        for path in paths:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url + path)
            paints[path].append(float(page.evaluate(_LARGEST_PAINT)))
            page.close()
    return paints


def measure_frames(browser: Browser, address: str) -> list[float]:
    """Return the milliseconds between frames while a page is scrolled."""
    page: Page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.wait_for_timeout(2000)
    page.mouse.move(700, 500)
    page.evaluate(_START_FRAMES)
    for _ in range(NUM_SCROLLS):
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(50)
    frames = [float(one) for one in page.evaluate("window.frames_ms")]
    page.close()
    return frames


if __name__ == "__main__":
    main()

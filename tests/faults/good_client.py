"""A client that behaves, in a process of its own, so that the test's own work does not delay it.

`python -m tests.faults.good_client URL` gets the URL again and again, by new connections, until its
standard input ends. It prints a line after the first answer, and at the end the statuses
(0: no answer) and seconds of all as JSON.
"""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.faults.cluster import quantile
from tests.faults.figures import list_counts

PAUSE_SECONDS = 0.05


@dataclass
class Good:
    """The answers of a client that behaves, and the seconds that each took."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def describe(self) -> str:
        p99, median = quantile(self.seconds, 0.99), statistics.median(self.seconds)
        return f"answers {list_counts(self.statuses)}; median {median:.3f} s, p99 {p99:.3f} s"


@contextmanager
def good_client(url: str) -> Iterator[Good]:
    """Get a URL again and again during the block; the answers are there after its end."""
    found = Good()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.good_client", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield found
    finally:
        output, _ = process.communicate()
    assert process.returncode == 0
    for status, seconds in json.loads(output):
        found.statuses[status] += 1
        found.seconds.append(seconds)


def main(url: str) -> None:
    over = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=watch, daemon=True).start()
    found: list[tuple[int, float]] = []
    while not (found and over.wait(PAUSE_SECONDS)):
        start = time.monotonic()
        try:
            status = httpx.get(url, timeout=60).status_code
        except httpx.TransportError:
            status = 0
        found.append((status, time.monotonic() - start))
        if len(found) == 1:
            sys.stdout.write("begun\n")
            sys.stdout.flush()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])

"""Run one peer in this process: `python -m benchmarks.peers PEER '{…}'`, JSON lines out."""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.request import EpochClock, Request


def main() -> None:
    """Import the peer, train, and tell: import_seconds, a row an epoch, trained_seconds."""
    # What libraries print goes to the log; the real standard output is for the lines alone.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    name, fields = sys.argv[1:]
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    tell({"import_seconds": time.time() - psutil.Process().create_time()})
    tell({"settings": peer.SETTINGS})
    request = Request.from_json(json.loads(fields))
    os.chdir(Path(request.scratch_dir))
    clock = EpochClock(tell)
    peer.train(request, clock)
    clock.end()


if __name__ == "__main__":
    main()

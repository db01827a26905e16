"""Run one peer library in this process and write JSON lines.

python -m benchmarks.peers PEER '{…}'
"""

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
    """Import the peer, train, and write import_seconds, a row per epoch, and trained_seconds."""
    # Libraries print to standard output; send that to the log, and keep a copy for the JSON lines.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def write(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    name, fields = sys.argv[1:]
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    write({"import_seconds": time.time() - psutil.Process().create_time()})
    write({"settings": peer.SETTINGS})
    request = Request.from_json(json.loads(fields))
    os.chdir(Path(request.scratch_dir))
    clock = EpochClock(write)
    peer.train(request, clock)
    clock.end()


if __name__ == "__main__":
    main()

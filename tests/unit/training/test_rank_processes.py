"""Rank 0 reports another rank's failure, whatever that rank does afterwards."""

import subprocess
import sys

from tests.unit.training.test_process import REPOSITORY
from worker.protocol import Failed, parse_line

_RANK_ZERO = """
import subprocess, sys
from worker.training import rank_processes

RANK = "import sys; print(sys.argv[1], flush=True); sys.stdin.read()"
rank_processes._start = lambda: subprocess.Popen(
    [sys.executable, "-c", RANK, sys.argv[1]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
)
with rank_processes.RankProcesses(2):
    raise RuntimeError("Connection closed by peer")
"""


def test_a_reason_is_told_although_its_rank_takes_long_to_end() -> None:
    """The library's error reaches rank 0 while the other rank, which has the reason, lives on."""
    reason = Failed(code="IMAGE_CORRUPT", message="It ends early.")
    rank_zero = subprocess.run(
        [sys.executable, "-c", _RANK_ZERO, reason.model_dump_json()],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert rank_zero.returncode == 0, rank_zero.stderr
    assert [parse_line(line) for line in rank_zero.stdout.splitlines()] == [reason]

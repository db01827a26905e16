"""The lock on a data folder."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import InUse
from app.folder_lock import find_holder, locking

HOLD = """
import sys
from pathlib import Path
from app.folder_lock import locking
with locking(Path(sys.argv[1])) as lock:
    lock.describe("http://127.0.0.1:8123")
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_about_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(InUse) as refused, locking(tmp_path):
            pass
        assert f"Process {first.pid} on " in str(refused.value)
        assert "http://127.0.0.1:8123" in str(refused.value)
        assert str(tmp_path) in str(refused.value)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert find_holder(tmp_path) is None
        with locking(tmp_path):
            holder = find_holder(tmp_path)
            assert holder is not None
            assert holder.pid != first.pid


def test_a_folder_that_nobody_uses_has_no_holder(tmp_path: Path) -> None:
    assert find_holder(tmp_path / "new") is None
    with locking(tmp_path / "new"):
        pass
    assert find_holder(tmp_path / "new") is None

"""The child as its supervisor sees it: lines in, lines out."""

import subprocess
import sys
from pathlib import Path

from app.storage import LocalStorage
from tests.unit.training.conftest import MakeConfig
from worker.parent_watchdog import GONE_EXIT_CODE
from worker.protocol import EpochsDone, Failed, Message, Started, Trained, parse_line
from worker.training.config import TrainingConfig

REPOSITORY = Path(__file__).parents[3]


def start(config: TrainingConfig) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "worker.training"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    child.stdin.write(f"600\n{config.model_dump_json()}\n")
    child.stdin.flush()
    return child


def finish(child: subprocess.Popen[str]) -> list[Message]:
    assert child.stdout is not None
    said = [parse_line(line) for line in child.stdout]
    assert child.wait() == 0
    child.communicate()
    return said


def kinds(said: list[Message]) -> list[type]:
    return [type(message) for message in said if message.type != "train_progress"]


def test_the_child_trains_and_ends_with_zero(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    said = finish(start(make_config(epochs=1)))
    assert kinds(said) == [Started, EpochsDone, Trained]
    assert isinstance(said[-1], Trained)
    assert storage.exists(said[-1].model_key)


def test_a_named_failure_is_said_and_ends_with_zero(make_config: MakeConfig) -> None:
    (failed,) = finish(start(make_config(num_train=1)))
    assert isinstance(failed, Failed)
    assert failed.code == "TOO_FEW_IMAGES"
    assert "1 training" in failed.message


def test_stop_ends_after_the_epoch_and_keeps_the_best(make_config: MakeConfig) -> None:
    child = start(make_config(epochs=1000))
    assert child.stdin is not None
    child.stdin.write("stop\n")
    child.stdin.flush()
    said = finish(child)
    assert kinds(said)[-1] is Trained
    assert 1 <= kinds(said).count(EpochsDone) < 1000


def test_the_child_ends_when_its_supervisor_is_gone(make_config: MakeConfig) -> None:
    child = start(make_config(epochs=10_000))
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(60) == GONE_EXIT_CODE
    for stream in (child.stdout, child.stderr):
        assert stream is not None
        stream.close()


def test_the_child_needs_no_database_broker_or_web_framework() -> None:
    code = (
        "import sys, worker.training.run, worker.training.__main__;"
        "print([m for m in ('sqlalchemy', 'celery', 'redis', 'fastapi', 'kombu')"
        " if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"

"""Import torchvision without torch's compiler, in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]


def run_steps(kind: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.ml.optimizer_steps", kind],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    results: dict[str, Any] = json.loads(done.stdout)
    return results


@pytest.fixture(scope="module")
def deferred() -> dict[str, Any]:
    return run_steps("deferred")


@pytest.fixture(scope="module")
def ordinary() -> dict[str, Any]:
    return run_steps("ordinary")


def test_the_compiler_is_not_imported_by_torchvision_or_by_training(
    deferred: dict[str, Any], ordinary: dict[str, Any]
) -> None:
    assert not deferred["has_compiler"]
    assert ordinary["has_compiler"]  # without this the module would be of no use


def test_optimizers_take_the_same_steps_to_the_last_bit(
    deferred: dict[str, Any], ordinary: dict[str, Any]
) -> None:
    assert deferred["parameters"] == ordinary["parameters"]
    assert len(set(deferred["parameters"].values())) == len(deferred["parameters"])


def test_what_torchvision_has_deferred_still_works(
    deferred: dict[str, Any], ordinary: dict[str, Any]
) -> None:
    assert deferred["aligned"] == ordinary["aligned"]
    assert deferred["is_compile_supported"] == ordinary["is_compile_supported"]
    assert deferred["has_compiler_at_last"]

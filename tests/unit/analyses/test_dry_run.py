"""Dry runs of jobs."""

import pytest

from app.validation.dry_run_schemas import DryRun, DryRunRequest
from tests.unit.analyses.conftest import NUM_TRAIN, NUM_VAL, Ask
from worker.analysis_config import AnalysisConfig
from worker.dry_run.run import dry_run
from worker.training import dry_run as step_module
from worker.training import frozen_engine


def run(config: AnalysisConfig) -> DryRun:
    assert isinstance(config.question, DryRunRequest)
    return dry_run(config, config.question)


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": "fine_tune"},
        {"strategy": "partial", "trainable_from": "features.10"},
        {"strategy": "feature_extract"},
        {"strategy": "feature_extract", "epochs": 3},
        {"weights": "none", "preset": "tutorial"},
        {"architecture": "resnet18", "weights": "none", "precision": "bf16", "ema": {}},
    ],
    ids=str,
)
def test_every_way_to_train_has_a_dry_run(ask: Ask, fields: dict[str, object]) -> None:
    found = run(ask(kind="dry_run", **fields))
    assert found.fits
    assert found.fitting_batch_size == 8
    for figure in (
        found.train_seconds_per_image,
        found.eval_seconds_per_image,
        found.estimated_seconds,
    ):
        assert figure is not None
        assert figure > 0
    assert found.available_memory_bytes > 0


def test_frozen_layers_run_in_the_engine_of_the_job(
    ask: Ask, engine_batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_engine, "MIN_IMAGES", NUM_TRAIN + NUM_VAL)
    run(ask(kind="dry_run", strategy="fine_tune"))
    assert not engine_batches, "nothing is frozen"
    found = run(ask(kind="dry_run", strategy="feature_extract", precision="fp32"))
    assert engine_batches == [8, 8]
    assert found.eval_seconds_per_image is not None
    assert found.eval_seconds_per_image > 0.1
    assert found.estimated_seconds is not None
    assert found.estimated_seconds > 0.1 * (NUM_TRAIN + NUM_VAL)


def test_a_batch_that_does_not_fit_is_not_run_but_a_smaller_one_is(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ask(kind="dry_run", strategy="fine_tune", batch_size=4096)
    monkeypatch.setattr(step_module, "count_available_bytes", lambda _: 300_000_000)
    found = run(config)
    assert not found.fits
    assert found.fitting_batch_size is not None
    assert 1 < found.fitting_batch_size < 4096
    assert found.train_seconds_per_image is not None


def test_a_dry_run_without_a_fitting_batch_has_no_estimates(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_module, "count_available_bytes", lambda _: 1000)
    found = run(ask(kind="dry_run", strategy="fine_tune"))
    assert (found.fits, found.fitting_batch_size) == (False, None)
    assert (found.train_seconds_per_image, found.peak_memory_bytes) == (None, None)

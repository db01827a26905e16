"""The file with a job's predictions of single images."""

from dataclasses import fields

import numpy as np
import pytest

from app.errors import CheckpointInvalid
from app.jobs.prediction_file import (
    JobPredictions,
    SplitPredictions,
    fingerprint_of,
    load_predictions,
    save_predictions,
)
from app.storage import LocalStorage
from tests.reports import make_predictions

KEY = "jobs/job_1/1/predictions.safetensors"
PREDICTIONS = JobPredictions(
    class_names=["ants", "größere Bienen"],
    dataset_digest="ab" * 32,
    splits={
        "val": make_predictions([0, 1, 1], [0, 0, 1], fingerprints=[2**64 - 1, 0, 5]),
        "test": make_predictions([0], [1], first_id=4),
    },
)


def are_equal(one: SplitPredictions, other: SplitPredictions) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(SplitPredictions)
    )


def test_it_is_read_as_it_was_written(storage: LocalStorage) -> None:
    save_predictions(storage, KEY, PREDICTIONS)
    read = load_predictions(storage, KEY)
    assert read.class_names == PREDICTIONS.class_names
    assert read.dataset_digest == PREDICTIONS.dataset_digest
    assert list(read.splits) == ["val", "test"]
    for split, columns in PREDICTIONS.splits.items():
        assert are_equal(read.splits[split], columns)
    assert read.splits["val"].is_right.tolist() == [True, False, True]
    assert read.splits["val"].fingerprints.tolist() == [2**64 - 1, 0, 5]


def test_paths_may_have_any_characters_and_be_of_any_length(storage: LocalStorage) -> None:
    paths = ["val/größer/蜂.png", "", "val/" + "x" * 300]
    columns = make_predictions([0, 0, 0], [0, 0, 0])
    named = SplitPredictions(**{**vars(columns), "paths": paths})
    save_predictions(storage, KEY, JobPredictions(["a"], "ab", {"val": named}))
    assert load_predictions(storage, KEY).splits["val"].paths == paths


def test_a_missing_file_is_an_error(storage: LocalStorage) -> None:
    with pytest.raises(CheckpointInvalid, match="missing or damaged"):
        load_predictions(storage, KEY)


@pytest.mark.parametrize("num_bytes", [0, 7, 300, -1])
def test_a_truncated_file_is_an_error(storage: LocalStorage, num_bytes: int) -> None:
    save_predictions(storage, "whole", PREDICTIONS)
    with storage.new_file(KEY) as file:
        file.write(storage.path("whole").read_bytes()[:num_bytes])
    with pytest.raises(CheckpointInvalid, match="missing or damaged"):
        load_predictions(storage, KEY)


def test_columns_of_different_lengths_are_an_error(storage: LocalStorage) -> None:
    columns = make_predictions([0, 1], [0, 1])
    short = SplitPredictions(**{**vars(columns), "targets": columns.targets[:1]})
    save_predictions(storage, KEY, JobPredictions(["a", "b"], "ab", {"val": short}))
    with pytest.raises(CheckpointInvalid, match="missing or damaged"):
        load_predictions(storage, KEY)


def test_a_fingerprint_is_the_start_of_the_digest() -> None:
    assert fingerprint_of("ff" * 32) == 2**64 - 1
    assert fingerprint_of("00000000000000010" + "f" * 47) == 1

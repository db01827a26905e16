"""The predictions of single images that a training leaves, against its report and its model."""

import torch

from app.datasets.manifest import read_manifest
from app.jobs.prediction_file import fingerprint_of, load_predictions
from app.storage import LocalStorage
from tests.unit.training.conftest import CLASS_NAMES, MakeConfig, Picture, picture
from tests.unit.training.runs import train, trained
from tests.unit.training.test_trust import serve


def draw_splits() -> list[Picture]:
    """Pictures of all splits; the labels of some of val and test are wrong."""
    pictures: list[Picture] = []
    for number in range(30):
        split = "train" if number < 12 else "val" if number < 22 else "test"
        shown = CLASS_NAMES[number % 2]
        label = CLASS_NAMES[0] if split != "train" and number % 5 == 0 else shown
        pictures.append((split, label, picture(shown, number)))  # type: ignore[arg-type]
    return pictures


def test_they_agree_with_the_report_and_with_serving(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    config = make_config(pictures=draw_splits(), epochs=1)
    last = trained(train(config))
    assert last.report is not None
    assert last.predictions_key == "jobs/job_1/1/predictions.safetensors"
    predictions = load_predictions(storage, last.predictions_key)
    assert predictions.class_names == last.report.class_names
    assert predictions.dataset_digest == config.dataset_digest
    records = {one.image_id: one for one in read_manifest(storage.path(config.manifest_key))}

    assert list(predictions.splits) == ["val", "test"]
    for split, columns in predictions.splits.items():
        figures = last.report if split == "val" else last.report.test
        assert figures is not None
        matrix = [[0, 0], [0, 0]]
        for target, predicted in zip(columns.targets, columns.predicted, strict=True):
            matrix[target][predicted] += 1
        assert matrix == figures.confusion_matrix
        images = [records[image_id] for image_id in columns.image_ids.tolist()]
        assert [one.image_id for one in records.values() if one.split == split] == [
            one.image_id for one in images
        ]
        assert columns.paths == [one.path for one in images]
        assert [CLASS_NAMES[target] for target in columns.targets] == [
            one.class_name for one in images
        ]
        assert columns.fingerprints.tolist() == [fingerprint_of(one.sha256) for one in images]

        logits, _ = serve(config, storage, last.model_key, split)
        served = (logits / last.report.calibration.temperature).softmax(1)
        torch.testing.assert_close(
            torch.from_numpy(columns.probabilities), served.max(1).values, rtol=0, atol=1e-4
        )
        own = served.gather(1, torch.from_numpy(columns.targets).long()[:, None])[:, 0]
        torch.testing.assert_close(
            torch.from_numpy(columns.target_probabilities), own, rtol=0, atol=1e-4
        )


def test_there_is_no_test_split_without_test_images(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    last = trained(train(make_config(epochs=1)))
    assert last.predictions_key is not None
    assert list(load_predictions(storage, last.predictions_key).splits) == ["val"]

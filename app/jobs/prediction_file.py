"""Store and load a job's predictions of the validation and test images, one file for each job.

The training process writes the file and the API reads it, so this module imports neither torch nor
SQL. It is a safetensors file with one array for each column, and holds the images' paths, so that
it can be read after the dataset was deleted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from app.errors import CheckpointInvalid
from app.ml.safetensors_metadata import read_metadata
from app.storage import Storage

EvalSplit = Literal["val", "test"]

_COLUMNS = {
    "image_ids": np.int32,
    "fingerprints": np.uint64,
    "targets": np.int32,
    "predicted": np.int32,
    "probabilities": np.float32,
    "target_probabilities": np.float32,
}
_PATHS, _PATH_ENDS = "paths", "path_ends"


@dataclass(frozen=True, eq=False)
class SplitPredictions:
    """A model's predictions of all images of a split; row i of each column is one image.

    image_ids ascend. fingerprints are those of the images' bytes (`fingerprint_of`). targets and
    predicted are positions in the class names. probabilities are those of the predicted classes,
    target_probabilities those of the labels; both as in `POST /predict`.
    """

    image_ids: NDArray[np.int32]
    fingerprints: NDArray[np.uint64]
    targets: NDArray[np.int32]
    predicted: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    target_probabilities: NDArray[np.float32]
    paths: Sequence[str]

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """True where the predicted class is the label: bool [num_images]."""
        return np.equal(self.predicted, self.targets)


@dataclass(frozen=True)
class JobPredictions:
    """The predictions of a job's best checkpoint, by split; test is absent without test images."""

    class_names: list[str]
    dataset_digest: str
    splits: dict[EvalSplit, SplitPredictions]


def fingerprint_of(sha256: str) -> int:
    """Return the first eight bytes of an image's sha256 (hexadecimal) as a number."""
    return int(sha256[:16], 16)


def save_predictions(storage: Storage, key: str, predictions: JobPredictions) -> None:
    """Write the file under a key, atomically; raises StorageFull."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for split, columns in predictions.splits.items():
        for name, kind in _COLUMNS.items():
            arrays[f"{split}.{name}"] = np.ascontiguousarray(getattr(columns, name), kind)
        encoded = [path.encode() for path in columns.paths]
        arrays[f"{split}.{_PATHS}"] = np.frombuffer(b"".join(encoded), np.uint8)
        arrays[f"{split}.{_PATH_ENDS}"] = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    metadata = {
        "class_names": json.dumps(predictions.class_names),
        "dataset_digest": predictions.dataset_digest,
    }
    content = safetensors.numpy.save(arrays, metadata)
    with storage.new_file(key) as file:
        file.write(content)


def load_predictions(storage: Storage, key: str) -> JobPredictions:
    """Read the whole file into memory; raises CheckpointInvalid for a missing or damaged one."""
    try:
        content = storage.path(key).read_bytes()
        arrays = safetensors.numpy.load(content)
        metadata = read_metadata(content)
        names = sorted({name.partition(".")[0] for name in arrays}, reverse=True)
        return JobPredictions(
            class_names=json.loads(metadata["class_names"]),
            dataset_digest=metadata["dataset_digest"],
            splits={cast("EvalSplit", split): _read_split(arrays, split) for split in names},
        )
    except (SafetensorError, FileNotFoundError, KeyError, ValueError) as error:
        raise CheckpointInvalid(
            "The file with the job's predictions of single images is missing or damaged. Restore "
            "it from a backup, or run the job again with `clone_of`."
        ) from error


def _read_split(arrays: Mapping[str, NDArray[np.generic]], split: str) -> SplitPredictions:
    columns = {name: arrays[f"{split}.{name}"] for name in _COLUMNS}
    text = arrays[f"{split}.{_PATHS}"].tobytes()
    ends = [0, *arrays[f"{split}.{_PATH_ENDS}"].tolist()]
    paths = [text[start:end].decode() for start, end in pairwise(ends)]
    if len({*map(len, columns.values()), len(paths)}) != 1:
        raise ValueError("the columns have different lengths")
    return SplitPredictions(**columns, paths=paths)  # type: ignore[arg-type]  # saved with these types

"""Predict every image of a batch, with the same results as POST /predict."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TypedDict

import torch
from torch import Tensor

from app.batches.results import Line
from app.batches.schemas import FailedImage, PredictedImage
from app.errors import BodyTooLarge, ImageCorrupt, ImageTooLarge, InputError, UnsupportedImage
from app.ml.runtime.device import choose_device
from app.predictions.engines.choice import choose_engine
from app.predictions.postprocess import postprocess
from app.predictions.results import ImageResult
from app.predictions.schemas import PredictOptions
from app.predictions.servable import Servable, load_servable, name_version_in_errors
from app.predictions.views import view_error, view_result
from app.storage import Storage
from worker.batches.config import BatchConfig
from worker.batches.results import OnPart, Results
from worker.batches.sources import OnProgress, SourceImage, open_source
from worker.pool import map_in_threads
from worker.protocol import Predicted

_IMAGES_AT_ONCE = {"cpu": 4, "cuda": 64}
"""Images per forward pass; larger batches are not faster on a CPU, but a GPU needs them."""

_BYTES_AT_ONCE = 64 * 1024 * 1024
"""The largest total size of the files of a group; several groups are in memory at a time."""


def predict_batch(
    config: BatchConfig, storage: Storage, on_progress: OnProgress, on_part: OnPart
) -> Predicted:
    """Write one line of results for each image, in the order of the source.

    Continues after the lines of earlier attempts. An image that cannot be read gets a line with its
    error; the other images are not affected. Raises what `open_source` does, CheckpointInvalid,
    StorageFull.
    """
    device = choose_device(config.device)
    with name_version_in_errors("the version"):
        servable = load_servable(
            storage.path(config.checkpoint_key),
            storage.path(config.trust_key) if config.trust_key else None,
            device,
            digest=config.digest,
            checkpoint_digest=config.checkpoint_digest,
            engine=choose_engine(config.engine, device),
            precision=config.precision,
            num_callers=config.num_threads,
            quantized_path=storage.path(config.quantized_key) if config.quantized_key else None,
        )
    results, counts = Results(config, storage, on_part), _Counts(servable.class_names)
    for line in results.read_earlier():
        counts.add(line)
    total, images = open_source(
        config.source,
        storage,
        max_image_bytes=config.max_image_bytes,
        on_progress=on_progress,
        num_skipped=counts.num_images,
    )
    groups = map_in_threads(
        partial(_classify, servable, config),
        _group(images, _IMAGES_AT_ONCE[device.type]),
        num_threads=config.num_threads,
    )
    for group in groups:
        for line in group:
            results.add(line)
            counts.add(line)
        on_progress("predicting", counts.num_images, total)
    results.finish()
    return Predicted(results_key=config.results_key, counts=counts.to_dict())


class _Counts:
    """Count the results of the images so far."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self.num_images = 0
        self._num_failed = 0
        self._num_labelled = 0
        self._num_right = 0
        self._class_names = frozenset(class_names)
        self._knows_labels = False
        self._per_label = Counter[str]()

    def add(self, line: Line) -> None:
        self.num_images += 1
        if isinstance(line, FailedImage):
            self._num_failed += 1
            return
        predicted = line.predictions[0].label
        self._num_labelled += line.label is not None
        self._num_right += line.label == predicted
        self._knows_labels |= line.label in self._class_names
        self._per_label[predicted] += 1

    def to_dict(self) -> dict[str, object]:
        """Return the counts as the database stores them; without an accuracy, labelled is 0."""
        return {
            "images": self.num_images,
            "failed": self._num_failed,
            "labelled": self._num_labelled if self._knows_labels else 0,
            "right": self._num_right,
            "per_label": dict(self._per_label),
        }


def _group(images: Iterable[SourceImage], size: int) -> Iterator[list[SourceImage]]:
    group: list[SourceImage] = []
    num_bytes = 0
    for image in images:
        group.append(image)
        num_bytes += len(image.content or b"")
        if len(group) == size or num_bytes >= _BYTES_AT_ONCE:
            yield group
            group, num_bytes = [], 0
    if group:
        yield group


def _classify(servable: Servable, config: BatchConfig, images: Sequence[SourceImage]) -> list[Line]:
    """Predict some images in one forward pass on one thread, and return their lines."""
    torch.set_num_threads(1)  # parallelism comes from the threads that call this function
    prepared = [_prepare(servable, image, config) for image in images]
    readable = [pixels for pixels in prepared if isinstance(pixels, Tensor)]
    results = iter(_score(servable, readable, config.options))
    lines: list[Line] = []
    for image, pixels in zip(images, prepared, strict=True):
        source = _Source(path=image.path, image_id=image.image_id, label=image.label)
        if isinstance(pixels, InputError):
            lines.append(FailedImage(**source, error=view_error(pixels)))
        else:
            lines.append(PredictedImage(**source, **dict(view_result(next(results)))))
    return lines


class _Source(TypedDict):
    path: str
    image_id: int | None
    label: str | None


def _score(
    servable: Servable, prepared: list[Tensor], options: PredictOptions
) -> list[ImageResult]:
    if not prepared:
        return []
    scores = servable.engine.run(torch.stack(prepared))
    return [
        postprocess(logits, features, servable.class_names, servable.trust, options)
        for logits, features in zip(scores.logits, scores.features, strict=True)
    ]


def _prepare(servable: Servable, image: SourceImage, config: BatchConfig) -> Tensor | InputError:
    if image.content is None:
        return BodyTooLarge(f"The image is larger than the {config.max_image_bytes} bytes allowed.")
    try:
        return servable.prepare(image.content, max_pixels=config.max_image_pixels)
    except (UnsupportedImage, ImageCorrupt, ImageTooLarge) as error:
        return error

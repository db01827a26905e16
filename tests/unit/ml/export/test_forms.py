"""Exports give the same outputs as validation for every image format."""

import runpy
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from app.ml.export.bundle import write_bundle
from app.ml.export.formats import TOLERANCE, ExportFormat
from app.ml.export.source_model import load_source_model
from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import prepare_eval
from app.storage import LocalStorage
from tests.images import list_forms
from tests.models import save_model

pytestmark = pytest.mark.filterwarnings("ignore")  # the converters' own, about themselves


@pytest.mark.parametrize("export_format", get_args(ExportFormat))
def test_every_image_format_gives_the_same_output_as_validation(
    storage: LocalStorage, tmp_path: Path, export_format: ExportFormat
) -> None:
    stored = save_model(storage, "model.safetensors")
    path = storage.path("model.safetensors")
    source = load_source_model(path, None, name="ants", version=1, digest=stored.digest)
    write_bundle(tmp_path, source, export_format)
    run = runpy.run_path(str(tmp_path / "predict.py"))["run"]
    for name, content in list_forms().items():
        image = decode_image(content)
        pixels = prepare_eval(image, source.header.preprocessing)
        expected = source.model(pixels[None]).detach().softmax(1)[0].tolist()
        told = np.asarray(run(np.asarray(image))[0])[0].tolist()
        assert told == pytest.approx(expected, abs=TOLERANCE), name

"""Every export says of every form of an image what validation says of it."""

import runpy
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from app.ml.export.bundle import write_bundle
from app.ml.export.formats import TOLERANCE, ExportFormat
from app.ml.export.original import load_original
from app.ml.images.image_file import decode_image
from app.ml.images.preprocessing import prepare_eval
from app.storage import LocalStorage
from tests.images import list_forms
from tests.models import save_model

pytestmark = pytest.mark.filterwarnings("ignore")  # the converters' own, about themselves


@pytest.mark.parametrize("export_format", get_args(ExportFormat))
def test_every_form_of_an_image_gets_validations_answer(
    storage: LocalStorage, tmp_path: Path, export_format: ExportFormat
) -> None:
    stored = save_model(storage, "model.safetensors")
    path = storage.path("model.safetensors")
    original = load_original(path, None, name="ants", version=1, digest=stored.digest)
    write_bundle(tmp_path, original, export_format)
    run = runpy.run_path(str(tmp_path / "predict.py"))["run"]
    for name, content in list_forms().items():
        image = decode_image(content)
        pixels = prepare_eval(image, original.header.preprocessing)
        expected = original.model(pixels[None]).detach().softmax(1)[0].tolist()
        told = np.asarray(run(np.asarray(image))[0])[0].tolist()
        assert told == pytest.approx(expected, abs=TOLERANCE), name

"""The check of an export rejects wrong outputs; bundles are complete and reproducible."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from app.errors import ExportMismatch, ExportUnavailable
from app.ml.export import network
from app.ml.export.bundle import write_bundle, zip_folder
from app.ml.export.formats import ExportFormat
from app.ml.export.golden_images import compare, draw_golden_images
from app.ml.export.source_model import Outputs, Pixels, SourceModel, load_source_model
from app.storage import LocalStorage
from tests.models import CLASS_NAMES, save_model

pytestmark = pytest.mark.filterwarnings("ignore")  # the converters' own, about themselves


@pytest.fixture
def source(storage: LocalStorage) -> SourceModel:
    stored = save_model(storage, "model.safetensors")
    path = storage.path("model.safetensors")
    return load_source_model(path, None, name="ants", version=3, digest=stored.digest)


@pytest.fixture
def pictures(source: SourceModel) -> dict[str, Pixels]:
    return draw_golden_images(source.header.preprocessing)


@pytest.fixture
def expected(source: SourceModel, pictures: dict[str, Pixels]) -> dict[str, Outputs]:
    return {name: source.run(pixels) for name, pixels in pictures.items()}


def test_the_check_detects_a_resize_without_antialiasing(
    source: SourceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_antialiasing(images: Tensor, size: list[int], *, mode: str, **_: bool) -> Tensor:
        return interpolate(images, size, mode=mode, align_corners=False)

    monkeypatch.setattr(network, "interpolate", without_antialiasing)
    with pytest.raises(ExportMismatch, match="probabilities differ by 0"):
        write_bundle(tmp_path, source, "torch_export")


@pytest.mark.parametrize(("index", "named"), [(0, "probabilities"), (1, "logits"), (2, "features")])
@pytest.mark.parametrize("wrong", [float("nan"), 1.05])
def test_the_check_compares_each_output(
    pictures: dict[str, Pixels],
    expected: dict[str, Outputs],
    index: int,
    named: str,
    wrong: float,
) -> None:
    by_picture = {pixels.tobytes(): expected[name] for name, pixels in pictures.items()}

    def run(pixels: Pixels) -> list[object]:
        outputs: list[object] = list(by_picture[pixels.tobytes()])
        outputs[index] = by_picture[pixels.tobytes()][index] * wrong
        return outputs

    with pytest.raises(ExportMismatch, match=named):
        compare(run, pictures, expected)
    assert compare(lambda p: by_picture[p.tobytes()], pictures, expected).num_images == 5


def test_the_check_detects_outputs_of_another_shape(
    pictures: dict[str, Pixels], expected: dict[str, Outputs]
) -> None:
    with pytest.raises(ExportMismatch, match="shape"):
        compare(lambda _: [np.zeros((1, 2))] * 3, pictures, expected)


@pytest.mark.parametrize(
    ("export_format", "library"), [("onnx", "onnxruntime"), ("openvino", "openvino")]
)
def test_a_missing_library_is_named(
    source: SourceModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    export_format: ExportFormat,
    library: str,
) -> None:
    for module in ("export.onnx_format", "export.openvino_format", "runtime.quiet_openvino"):
        monkeypatch.delitem(sys.modules, f"app.ml.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    folder = tmp_path / "export"
    folder.mkdir()
    with pytest.raises(ExportUnavailable, match=rf"graft-server\[{export_format}\]"):
        write_bundle(folder, source, export_format)
    assert list(folder.iterdir()) == []


def test_a_graph_stores_metadata_and_accepts_batches(
    source: SourceModel, pictures: dict[str, Pixels], tmp_path: Path
) -> None:
    write_bundle(tmp_path, source, "onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    told = session.get_modelmeta().custom_metadata_map
    assert told["class_names"] == '["ants", "bees", "wasps"]'
    assert (told["name"], told["version"]) == ("ants", "3")
    batch = np.stack([pictures["small"], 255 - pictures["small"]])
    together = session.run(["probabilities"], {"pixels": batch})[0]
    alone = [session.run(["probabilities"], {"pixels": one[None]})[0][0] for one in batch]
    assert together.shape == (2, len(CLASS_NAMES))
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_same_files_make_the_same_archive(source: SourceModel, tmp_path: Path) -> None:
    archives = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_bundle(tmp_path / name, source, "safetensors")
        with (tmp_path / f"{name}.zip").open("wb") as file:
            zip_folder(tmp_path / name, file)
        archives.append((tmp_path / f"{name}.zip").read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert archive.testzip() is None
        names = {name for name in archive.namelist() if not name.startswith("golden/")}
        assert names == {"model.json", "model.safetensors", "predict.py"}
    small = np.array(Image.open(tmp_path / "first" / "golden" / "small.png"))
    assert np.array_equal(small, draw_golden_images(source.header.preprocessing)["small"])

"""One exported model: a folder of files that is checked as a whole, then a zip archive."""

import importlib
import json
import runpy
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from app.errors import ExportUnavailable
from app.ml.export.description import describe, summarize
from app.ml.export.formats import Check, ExportFormat
from app.ml.export.golden import compare, draw_golden
from app.ml.export.original import Original, Pixels

_WRITERS = {
    "safetensors": "plain_tensors",
    "torch_export": "torch_program",
    "onnx": "onnx_graph",
    "openvino": "openvino_ir",
}
_EXAMPLES = Path(__file__).with_name("examples")
_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every member: what a zip can say at least, so that the date changes no digest."""


def write_bundle(folder: Path, original: Original, export_format: ExportFormat) -> Check:
    """Fill an empty folder with the model, model.json, predict.py and golden pictures.

    The check loads what stands there through its own predict.py, so that all of it is tried.
    Raises ExportUnavailable where a library is missing, ExportMismatch where answers differ.
    """
    writer = _load_writer(export_format)
    description = describe(original, export_format)
    writer.write(folder, original, summarize(description))
    shutil.copyfile(_EXAMPLES / f"predict_{export_format}.py", folder / "predict.py")
    _write_json(folder, description)
    pictures = draw_golden(original.header.preprocessing)
    expected = {name: original.run(pixels) for name, pixels in pictures.items()}
    check = compare(_load_example(folder), pictures, expected)
    (folder / "golden").mkdir()
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / "golden" / f"{name}.png")
    golden = {f"golden/{name}.png": outputs[0][0].tolist() for name, outputs in expected.items()}
    _write_json(folder, description | {"check": check.model_dump(), "golden": golden})
    return check


def zip_folder(folder: Path, file: BinaryIO) -> None:
    """Write all files of a folder, uncompressed: weights are noise to a compressor."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            member.external_attr = 0o644 << 16
            member.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)


def _load_writer(export_format: ExportFormat) -> Any:
    try:
        return importlib.import_module(f"app.ml.export.{_WRITERS[export_format]}")
    except ModuleNotFoundError as error:
        raise ExportUnavailable(
            f"The worker has no '{error.name}': install graft-server[{export_format}] there."
        ) from error


def _load_example(folder: Path) -> Callable[[Pixels], Sequence[object]]:
    # Not imported: that would leave bytecode of this interpreter among the files.
    run: Callable[[Pixels], Sequence[object]] = runpy.run_path(str(folder / "predict.py"))["run"]
    return run


def _write_json(folder: Path, description: dict[str, Any]) -> None:
    content = json.dumps(description, indent=2, ensure_ascii=False)
    (folder / "model.json").write_text(content + "\n", encoding="utf-8")

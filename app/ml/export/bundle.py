"""Write an exported model into a folder, check it, and zip it."""

import importlib
import json
import runpy
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from app.errors import ExportUnavailable, GraftError
from app.ml.export.formats import Check, ExportFormat
from app.ml.export.golden_images import compare, draw_golden_images
from app.ml.export.model_json import describe, summarize
from app.ml.export.source_model import Pixels, SourceModel

_EXAMPLES = Path(__file__).with_name("examples")
_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every member of the archive: constant, so that it does not change the digest."""


def write_bundle(folder: Path, source: SourceModel, export_format: ExportFormat) -> Check:
    """Write the model, model.json, predict.py and golden images into an empty folder.

    The check runs the exported model through its own predict.py, so that it covers all files.
    Raises ExportUnavailable where a library is missing or cannot convert an architecture of timm,
    ExportMismatch where outputs differ.
    """
    writer = _load_writer(export_format)
    description = describe(source, export_format)
    try:
        writer.write(folder, source, summarize(description))
    except (GraftError, OSError, MemoryError):
        raise
    except Exception as error:
        if not source.architecture.is_of_timm:
            raise
        raise ExportUnavailable(
            f"{source.architecture.name} cannot be exported as '{export_format}': the library that "
            "converts it does not support one of its layers. Choose another format; safetensors "
            "has the weights of every architecture."
        ) from error
    shutil.copyfile(_EXAMPLES / f"predict_{export_format}.py", folder / "predict.py")
    _write_json(folder, description)
    images = draw_golden_images(source.header.preprocessing)
    expected = {name: source.run(pixels) for name, pixels in images.items()}
    check = compare(_load_example(folder), images, expected)
    (folder / "golden").mkdir()
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / "golden" / f"{name}.png")
    golden = {f"golden/{name}.png": outputs[0][0].tolist() for name, outputs in expected.items()}
    _write_json(folder, description | {"check": check.model_dump(), "golden": golden})
    return check


def zip_folder(folder: Path, file: BinaryIO) -> None:
    """Zip all files of a folder without compression, because weights do not compress."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            member.external_attr = 0o644 << 16
            member.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)


def _load_writer(export_format: ExportFormat) -> Any:
    try:
        return importlib.import_module(f"app.ml.export.{export_format}_format")
    except ModuleNotFoundError as error:
        raise ExportUnavailable(
            f"The format '{export_format}' needs '{error.name}', which the worker does not have; "
            f"install graft-server[{export_format}] in the worker's environment."
        ) from error


def _load_example(folder: Path) -> Callable[[Pixels], Sequence[object]]:
    # Not imported, because an import would write bytecode into the folder.
    run: Callable[[Pixels], Sequence[object]] = runpy.run_path(str(folder / "predict.py"))["run"]
    return run


def _write_json(folder: Path, description: dict[str, Any]) -> None:
    content = json.dumps(description, indent=2, ensure_ascii=False)
    (folder / "model.json").write_text(content + "\n", encoding="utf-8")

"""The notebook of the documentation runs from its first cell to its last one."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from app.demo.drawn_datasets import DrawnDataset, write_dataset
from tests.conftest import REPOSITORY
from tests.e2e.conftest import Graft

NOTEBOOK = REPOSITORY / "docs" / "notebooks" / "transfer_learning.ipynb"
DRAWINGS = DrawnDataset("drawings", ("disc", "waves"), num_train=8, num_val=4, num_test=0, seed=7)
RECIPE = {"architecture": "resnet18", "epochs": 2, "input_size": 32, "num_threads": 1}


@pytest.fixture
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def list_code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_stored_notebook_has_no_outputs(notebook: Any) -> None:
    nbformat.validate(notebook)
    cells = list_code(notebook)
    assert len(cells) > 8
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count] == []


@pytest.mark.timeout(900)
def test_the_notebook_tells_its_whole_story(
    notebook: Any, graft: Graft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(DRAWINGS, tmp_path / "drawings.zip")
    monkeypatch.setenv("GRAFT_URL", graft.running.url)
    cells = list_code(notebook)
    (parameters,) = (cell for cell in cells if "parameters" in cell.metadata.get("tags", ()))
    assert re.findall(r"^(\w+) = ", parameters.source, re.MULTILINE) == ["DATA", "NAME", "RECIPE"]
    parameters.source = f"DATA, NAME, RECIPE = 'drawings.zip', 'notebook', {RECIPE!r}"
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    shown = [dict(output.get("data", {})) for cell in cells for output in cell.outputs]
    html = "".join(one.get("text/html", "") for one in shown)
    for part in ("<td>disc</td>", "expected accuracy", "<svg", "Report on job_", "heat map of "):
        assert part in html, part
    assert sum("image/png" in one for one in shown) == 3  # the grid, the plot, the confusion matrix
    assert cells[-1].outputs[-1].data["text/plain"] in {"'disc'", "'waves'"}
    assert [job["status"] for job in graft.get("/jobs", limit=2)["data"]] == ["succeeded"] * 2
    assert graft.get("/serving")["model"] == "notebook"

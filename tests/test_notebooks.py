"""The notebooks run from the first cell to the last, and are stored without output."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from ringtrue.inference.session import ModelError, released_model

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
names = pytest.mark.parametrize("path", ALL, ids=[path.stem for path in ALL])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of the released model; without one, as while developing, that of a toy model."""
    try:
        return str(released_model())
    except ModelError:
        from tests.inference.toy_model import write_toy

        return str(write_toy(tmp_path_factory.mktemp("model") / "toy.onnx"))


def test_there_is_a_quick_start() -> None:
    assert "quickstart" in [path.stem for path in ALL]


@names
def test_notebook_is_stored_without_output(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            assert not cell.outputs, f"cell {number} of {path.name} holds output"
            assert cell.execution_count is None


@names
def test_notebook_runs(
    path: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGTRUE_MODEL", model)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    pictures = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 2

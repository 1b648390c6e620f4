from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringtrue.inference.evidence.files import VARIABLE, evidence_files
from ringtrue.inference.evidence.soft_model import released
from ringtrue.inference.session import ModelError

real_iterdir = Path.iterdir


def _forbidden(folder: Path) -> Iterator[Path]:
    if folder.name == "released":
        return real_iterdir(folder)
    raise PermissionError(13, "Permission denied")


def test_released_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    for kind, suffix in (("timing", ".onnx"), ("floor", ".onnx"), ("fusion", ".json")):
        (entry,) = evidence_files(kind)
        assert entry.name.startswith(f"ringtrue-{kind}-")
        assert entry.name.endswith(suffix)


def test_ones_own_come_first_and_newer_ones_before_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = evidence_files("timing")
    for version in ("0.9.0", "0.10.0"):
        (tmp_path / f"ringtrue-timing-{version}.onnx").touch()
    (tmp_path / "ringtrue-timing-notes.onnx").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    names = [entry.name for entry in evidence_files("timing")]
    own = ["ringtrue-timing-0.10.0.onnx", "ringtrue-timing-0.9.0.onnx"]
    assert names == [*own, shipped[0].name]
    assert released("timing").name == own[0]
    # What the folder lacks is taken from the installation.
    assert released("floor").name.startswith("ringtrue-floor-")


def test_a_folder_that_does_not_serve_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(ModelError, match=r"RINGTRUE_EVIDENCE: expected a folder, got .*missing"):
        evidence_files("floor")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ModelError, match="found none; 'ringtrue fit-timing'"):
        evidence_files("floor")
    (tmp_path / "ringtrue-floor-0.1.0.onnx").touch()
    monkeypatch.setattr(Path, "iterdir", _forbidden)
    with pytest.raises(ModelError, match=r"RINGTRUE_EVIDENCE: .* cannot be read \(Permission"):
        evidence_files("floor")

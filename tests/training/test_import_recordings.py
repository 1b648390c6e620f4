"""Clips from recordings of a source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ringtrue.training import import_recordings as module
from ringtrue.training.channel.levels import active_level
from ringtrue.training.cli import app
from ringtrue.training.import_recordings import cut, import_recordings
from ringtrue.training.manifest import Clip, read_manifest

ROW = Clip("", "", "human", "train", 0.0, source="page", language="da", commercial_ok=True)


def _loud(audio: np.ndarray, min_pause_seconds: float) -> np.ndarray:
    """Stands for the speech detector: frames above -40 dBFS."""
    del min_pause_seconds
    return (audio[: len(audio) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1) > 1e-4


@pytest.fixture
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "speech_mask", _loud)


def _bursts(*seconds: float, rate: int = 8000, level: float = 0.05) -> np.ndarray:
    """Noise and silence in turn, noise first."""
    rng = np.random.default_rng(len(seconds))
    parts = [
        rng.normal(0, level, round(s * rate)) if k % 2 == 0 else np.zeros(round(s * rate))
        for k, s in enumerate(seconds)
    ]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.usefixtures("loud_is_speech")
def test_clips_end_at_the_last_pause_before_the_limit() -> None:
    audio = np.concatenate([np.zeros(4000, np.float32), _bursts(4, 0.8, 4, 0.8, 4, 3, 0.1)])
    clips = list(cut(audio, longest=12.0, shortest=0.5))
    # 4 + 0.8 + 4 s with margins, then the third burst; the last, with margins, is too short.
    assert [round(len(c) / 8000, 2) for c in clips] == [9.1, 4.3]
    assert all(c.dtype == np.float32 for c in clips)
    assert [active_level(c) for c in clips] == pytest.approx([-26.0, -26.0], abs=0.05)
    assert not clips[0][:1100].any()


@pytest.mark.usefixtures("loud_is_speech")
def test_speech_without_a_pause_is_cut_at_the_limit() -> None:
    clips = list(cut(_bursts(25.0), longest=10.0, shortest=1.0))
    assert [round(len(c) / 8000, 2) for c in clips] == [9.85, 10.0, 5.75]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 12))
def test_spans_hold_all_speech_in_order_and_no_more_than_there_is_room(
    speech: list[bool], room: int
) -> None:
    mask = np.array(speech, np.bool_)
    spans = list(module._spans(mask, room))
    covered = np.zeros(len(mask), np.bool_)
    last = 0
    for start, stop in spans:
        assert last <= start < stop <= len(mask)
        assert stop - start <= room
        assert mask[start]
        covered[start:stop] = True
        last = stop
    assert covered[mask].all()


@pytest.mark.usefixtures("loud_is_speech")
def test_a_folder_becomes_clips_and_rows_and_what_fails_is_named(tmp_path: Path) -> None:
    for name, rate in (("ann/a.wav", 44_100), ("ben/a.wav", 16_000), ("ben/b.flac", 8000)):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "in" / name, _bursts(2, 1, rate=rate, level=0.2), rate)
    soundfile.write(tmp_path / "in" / "silent.wav", np.zeros(8000), 8000)
    (tmp_path / "in" / "text.wav").write_text("not audio at all")
    files = sorted((tmp_path / "in").rglob("*.*"))
    done = import_recordings(files, tmp_path / "out", ROW, "folder")
    assert (done.written, done.silent, len(done.failed)) == (3, 1, 1)
    assert "text.wav" in done.failed[0]
    assert "is text, not audio" in done.failed[0]
    rows = read_manifest(tmp_path / "out" / "manifest.jsonl", check_files=True).clips
    assert [(c.speaker, c.language, c.commercial_ok) for c in rows] == [
        ("page:ann", "da", True),
        ("page:ben", "da", True),
        ("page:ben", "da", True),
    ]
    assert len({c.id for c in rows}) == 3
    for clip in rows:
        info = soundfile.info(tmp_path / "out" / clip.path)
        assert (info.samplerate, info.channels) == (8000, 1)
        assert clip.seconds == pytest.approx(2.15, abs=0.03)
    # Again: nothing is made twice.
    again = import_recordings(files, tmp_path / "out", ROW, "folder")
    assert again.written == 0
    assert again.manifest == done.manifest
    (tmp_path / "out" / rows[0].path).write_bytes(b"fLaC cut short")
    assert import_recordings(files, tmp_path / "out", ROW, "folder").written == 1


@pytest.mark.usefixtures("loud_is_speech")
def test_a_speaker_gives_no_more_than_asked(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"{name}.wav", _bursts(3), 8000)
    files = sorted(tmp_path.glob("*.wav"))
    some = import_recordings(files, tmp_path / "one", ROW, "one", most_seconds=4.0)
    assert len(some.manifest) == 2
    every = import_recordings(files, tmp_path / "each", ROW, "file", most_seconds=4.0)
    assert [c.speaker for c in every.manifest] == ["page:a", "page:b", "page:c"]


@pytest.mark.usefixtures("loud_is_speech")
def test_a_run_that_stops_while_writing_leaves_no_half_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", _bursts(3), 8000)

    def full(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"fLaC")
        raise RuntimeError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("soundfile.write", full)
        with pytest.raises(OSError, match=r"000.flac: cannot be written: No space left"):
            import_recordings([tmp_path / "a.wav"], tmp_path / "out", ROW)
    assert not list((tmp_path / "out" / "page").iterdir())
    done = import_recordings([tmp_path / "a.wav"], tmp_path / "out", ROW)
    assert done.written == 1


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected recordings, got none"):
        import_recordings([], tmp_path, ROW)
    with pytest.raises(ValueError, match="0 < shortest < longest, got 2 and 1"):
        import_recordings([tmp_path / "a.wav"], tmp_path, ROW, longest=1, shortest=2)
    other = Clip("", "", "alien", "train", 0.0, source="page")
    with pytest.raises(ValueError, match=r"label: expected human, .*, got 'alien'"):
        import_recordings([tmp_path / "a.wav"], tmp_path, other)


def test_the_command_imports_a_real_voice_at_another_rate(corpus: Path, tmp_path: Path) -> None:
    row = next(c for c in read_manifest(corpus / "manifest.jsonl") if c.is_human and c.seconds > 5)
    audio, rate = soundfile.read(corpus / row.path, dtype="float32")
    wide = soxr.resample(np.concatenate([np.zeros(2 * rate, np.float32), audio]), rate, 22_050)
    soundfile.write(tmp_path / "voice.mp3", wide, 22_050)
    command = ["import-recordings", str(tmp_path / "voice.mp3"), "--source", "s", "--speakers",
               "one", "--language", row.language, "--out", str(tmp_path / "out")]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    (clip, *_) = read_manifest(tmp_path / "out" / "manifest.jsonl", check_files=True).clips
    assert clip.speaker == "s:one"
    assert 1.0 < clip.seconds <= row.seconds + 0.3
    wrong = CliRunner().invoke(app, [*command, "--speakers", "many"])
    assert wrong.exit_code != 0

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.inference import score as score_module
from ringtrue.inference.audio import AudioError, RawFormat, open_recording
from ringtrue.inference.score import score_file, score_files
from ringtrue.inference.session import Session

from .recordings import write_wav
from .toy_model import human, robot, silence


def test_robot(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "r.wav", robot(4))
    (row,) = score_file(path, toy)
    assert (row.path, row.channel, row.verdict, row.error) == (str(path), "mono", "robot", "")
    assert row.seconds == 4.0
    assert row.speech_seconds == pytest.approx(4.0)
    assert row.flagged_at is not None
    assert 1.0 <= row.flagged_at <= 1.6
    assert row.p_robot is not None
    assert row.p_robot > 0.99
    assert "for synthetic after" in row.reasons[0]


def test_human(toy: Session, tmp_path: Path) -> None:
    (row,) = score_file(write_wav(tmp_path / "h.wav", human(4)), toy)
    assert (row.verdict, row.flagged_at) == ("human", None)
    assert row.voice_llr is not None
    assert row.voice_llr < -2


def test_handed_over_call_stays_a_robot(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", np.concatenate([robot(3), human(6)]))
    (row,) = score_file(path, toy)
    (alone,) = score_file(write_wav(tmp_path / "y.wav", robot(3)), toy)
    assert row.verdict == "robot"
    assert row.voice_llr == pytest.approx(alone.voice_llr, abs=0.1)
    assert row.flagged_at == alone.flagged_at
    assert row.reasons[0] == alone.reasons[0]
    assert row.reasons[1].startswith("at the end: human since ")


def test_undecided(toy: Session, tmp_path: Path) -> None:
    mixed = np.random.default_rng(0).standard_normal(24000).astype(np.float32) * 0.1
    (row,) = score_file(write_wav(tmp_path / "u.wav", mixed), toy)
    assert row.verdict == "unsure"


@pytest.mark.parametrize("spoken", [0.0, 0.5])
def test_no_speech(toy: Session, tmp_path: Path, spoken: float) -> None:
    samples = np.concatenate([silence(2), robot(spoken), silence(2)])
    (row,) = score_file(write_wav(tmp_path / "s.wav", samples), toy)
    assert row.verdict == "no-speech"
    assert row.speech_seconds == pytest.approx(spoken)
    assert row.p_robot == pytest.approx(0.5, abs=1e-3)
    expected = "voice: only 0.5 s of speech, at least 1.0 s needed"
    assert row.reasons == (expected if spoken else "voice: no speech yet",)


def test_channels(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "st.wav", np.stack([robot(3, 16000), human(3, 16000)], 1), 16000)
    both = score_file(path, toy)
    assert [(r.channel, r.verdict) for r in both] == [("left", "robot"), ("right", "human")]
    for row in both:
        assert score_file(path, toy, channel=row.channel) == [row]
    assert [r.channel for r in score_file(path, toy, channel="mix")] == ["mix"]


def test_channels_equal_mono_files(toy: Session, tmp_path: Path) -> None:
    write_wav(tmp_path / "st.wav", np.stack([robot(3), human(3)], 1))
    (mono,) = score_file(write_wav(tmp_path / "m.wav", human(3)), toy)
    (right,) = score_file(tmp_path / "st.wav", toy, channel="right")
    assert (right.voice_llr, right.verdict) == (mono.voice_llr, mono.verdict)


def test_right_of_mono(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "m.wav", human(1))
    with pytest.raises(AudioError, match=r"m\.wav: channel right was asked for"):
        score_file(path, toy, channel="right")


def test_six_channels_warn(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "six.wav", np.stack([human(2)] * 6, 1))
    left, right = score_file(path, toy)
    assert left.reasons[-1].startswith("warning: 6 channels; the first was taken as left")
    assert right.channel == "right"


def test_truncated_file_is_scored_with_a_warning(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "t.wav", robot(4))
    path.write_bytes(path.read_bytes()[:40_044])
    (row,) = score_file(path, toy)
    assert (row.seconds, row.verdict, row.error) == (2.5, "robot", "")
    assert row.reasons[-1].startswith("warning: the file is truncated")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.flac", {}),
        ("x.mp3", {}),
        ("x.ogg", {"subtype": "OPUS", "format": "OGG"}),
        ("mu.wav", {"subtype": "ULAW"}),
        ("a.wav", {"subtype": "ALAW"}),
    ],
)
def test_formats_and_rates_agree(
    toy: Session, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    (expected,) = score_file(write_wav(tmp_path / "ref.wav", robot(3)), toy)
    soundfile.write(tmp_path / name, robot(3, 48000), 48000, **options)
    (row,) = score_file(tmp_path / name, toy)
    assert row.verdict == expected.verdict
    assert row.voice_llr == pytest.approx(expected.voice_llr, rel=0.05)


def test_raw(toy: Session, tmp_path: Path) -> None:
    (tmp_path / "r.sln").write_bytes((robot(3) * 32767).astype("<i2").tobytes())
    (row,) = score_file(tmp_path / "r.sln", toy, raw=RawFormat(8000))
    assert row.verdict == "robot"


def test_one_bad_file_never_stops_the_rest(
    toy: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write_wav(tmp_path / "good.wav", human(2))
    text = tmp_path / "text.wav"
    text.write_text("hello")
    nan = write_wav(tmp_path / "nan.wav", np.full(8000, np.nan, np.float32), subtype="FLOAT")
    real = open_recording

    def odd(path: str | Path, raw: RawFormat | None = None) -> object:
        if str(path) == "odd":
            raise RuntimeError("decoder fell over")
        return real(path, raw)

    monkeypatch.setattr(score_module, "open_recording", odd)
    names = [good, text, tmp_path / "none.wav", nan, "odd", good]
    rows = [row for rows in score_files(names, toy) for row in rows]
    assert [row.error for row in rows] == [
        "",
        "is text, not audio",
        "no such file",
        "contains NaN or infinite samples (first at 0.000 s)",
        "RuntimeError: decoder fell over",
        "",
    ]
    assert rows[0] == rows[5]
    assert rows[1].verdict == ""
    assert rows[1].seconds is None


def test_unknown_operating_point(toy: Session, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "m.wav", human(1))
    with pytest.raises(ValueError, match="unknown operating point"):
        score_file(path, toy, operating_point="brave")


def test_corpus_recordings_are_read(toy: Session, corpus: Path) -> None:
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").open(encoding="utf-8")]
    wanted = [
        next(r for r in rows if r["split"] == split and r["condition"] == condition)
        for split, condition in (("train", "studio"), ("dev", "phone"), ("dev", "studio"))
    ]
    for row in wanted:
        (scored,) = score_file(corpus / row["path"], toy)
        assert scored.seconds == pytest.approx(row["seconds"], abs=0.2)
        assert scored.error == ""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.inference.audio import (
    AudioError,
    RawFormat,
    open_raw,
    open_recording,
)

from .recordings import write_av, write_video, write_wav
from .toy_model import tone


def read(path: Path, raw: RawFormat | None = None) -> tuple[np.ndarray, int, list[str]]:
    with open_recording(path, raw) as recording:
        blocks = list(recording.blocks())
        assert all(b.dtype == np.float32 and b.ndim == 2 for b in blocks)
        return np.concatenate(blocks), recording.sample_rate, recording.warnings


def pitch(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize(
    ("name", "rate", "subtype", "error"),
    [
        ("a.wav", 8000, "PCM_16", 1e-4),
        ("a.wav", 8000, "ULAW", 0.02),
        ("a.wav", 8000, "ALAW", 0.02),
        ("a.wav", 11025, "PCM_U8", 0.01),
        ("a.wav", 44100, "PCM_24", 1e-6),
        ("a.wav", 96000, "FLOAT", 1e-7),
        ("a.wav", 8000, "GSM610", 0.2),
        ("a.flac", 48000, "PCM_16", 1e-4),
        ("a.au", 8000, "ULAW", 0.02),
        ("a.aiff", 22050, "PCM_16", 1e-4),
        ("a.w64", 16000, "PCM_16", 1e-4),
    ],
)
def test_sample_exact_formats(
    tmp_path: Path, name: str, rate: int, subtype: str, error: float
) -> None:
    samples = tone(440, 2.5, rate)
    soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
    got, got_rate, warnings = read(tmp_path / name)
    assert got_rate == rate
    assert warnings == []
    assert abs(len(got) - len(samples)) <= 640  # GSM pads to its frame
    np.testing.assert_allclose(got[: len(samples), 0], samples[: len(got)], atol=error)


@pytest.mark.parametrize(
    ("name", "rate", "how", "rate_out"),
    [
        ("a.mp3", 16000, "MPEG_LAYER_III", 16000),
        ("a.ogg", 16000, "VORBIS", 16000),
        ("a.opus", 48000, "OPUS", 48000),
        ("a.m4a", 16000, "aac", 16000),
        ("a.aac", 16000, "aac", 16000),
        ("a.amr", 8000, "libopencore_amrnb", 8000),
        ("a.3gp", 8000, "libopencore_amrnb", 8000),
        ("a.webm", 48000, "libopus", 48000),
        ("a.g722", 16000, "g722", 16000),
        ("g726.wav", 8000, "g726", 8000),
    ],
)
def test_lossy_formats_keep_length_and_pitch(
    tmp_path: Path, name: str, rate: int, how: str, rate_out: int
) -> None:
    samples = tone(440, 2.0, rate)
    if how.isupper():
        kind = "OGG" if name.endswith(("ogg", "opus")) else None
        soundfile.write(tmp_path / name, samples, rate, subtype=how, format=kind)
    else:
        write_av(tmp_path / name, samples, rate, how)
    got, got_rate, warnings = read(tmp_path / name)
    assert got_rate == rate_out
    assert warnings == []
    assert got.shape[1] == 1
    assert len(got) / got_rate == pytest.approx(2.0, abs=0.15)
    assert pitch(got[:, 0], got_rate) == pytest.approx(440, abs=3)


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.mp3", "MPEG_LAYER_III"), ("a.ogg", "VORBIS"), ("a.opus", "OPUS"), ("a.wav", "GSM610"),
     ("a.wav", "IMA_ADPCM"), ("a.flac", "PCM_16")],
)  # fmt: skip
def test_block_reading_equals_reading_at_once(tmp_path: Path, name: str, subtype: str) -> None:
    rate = 8000 if subtype == "GSM610" else 48000
    rng = np.random.default_rng(0)
    samples = tone(440, 3, rate) * (0.2 + rng.random(3 * rate).astype(np.float32))
    kind = None if name.endswith(("mp3", "wav", "flac")) else "OGG"
    soundfile.write(tmp_path / name, samples, rate, subtype=subtype, format=kind)
    expected, _ = soundfile.read(tmp_path / name, dtype="float32")
    np.testing.assert_allclose(read(tmp_path / name)[0][:, 0], expected, atol=1e-6)


def test_content_counts_not_the_ending(tmp_path: Path) -> None:
    samples = tone(440, 1.0)
    soundfile.write(tmp_path / "a.flac", samples, 8000)
    shutil.move(tmp_path / "a.flac", tmp_path / "a.wav")
    assert len(read(tmp_path / "a.wav")[0]) == 8000
    write_av(tmp_path / "b.amr", samples, 8000, "libopencore_amrnb")
    shutil.move(tmp_path / "b.amr", tmp_path / "b")
    assert len(read(tmp_path / "b")[0]) == pytest.approx(8000, abs=320)


def test_six_channels(tmp_path: Path) -> None:
    samples = np.stack([tone(200 + 100 * c, 0.5) for c in range(6)], axis=1)
    got, _, _ = read(write_wav(tmp_path / "six.wav", samples))
    np.testing.assert_allclose(got, samples, atol=1e-4)


def test_stereo_m4a(tmp_path: Path) -> None:
    samples = np.stack([tone(440, 2, 16000), tone(880, 2, 16000)], axis=1)
    path = write_av(tmp_path / "s.m4a", samples, 16000, "aac", "stereo")
    got, rate, _ = read(path)
    assert got.shape[1] == 2
    assert pitch(got[:, 0], rate) == pytest.approx(440, abs=3)
    assert pitch(got[:, 1], rate) == pytest.approx(880, abs=3)


@pytest.mark.parametrize(
    ("encoding", "subtype", "endian", "error"),
    [
        ("s16le", "PCM_16", "LITTLE", 0),
        ("s16be", "PCM_16", "BIG", 0),
        ("u8", "PCM_U8", "LITTLE", 0),
        ("s8", "PCM_S8", "LITTLE", 0),
        ("s24le", "PCM_24", "LITTLE", 0),
        ("s32le", "PCM_32", "LITTLE", 1e-7),
        ("f32le", "FLOAT", "LITTLE", 0),
        ("mulaw", "ULAW", "LITTLE", 0),
        ("alaw", "ALAW", "LITTLE", 0),
    ],
)
def test_raw_agrees_with_libsndfile(
    tmp_path: Path, encoding: str, subtype: str, endian: str, error: float
) -> None:
    path = tmp_path / "call.raw"
    samples = np.stack([tone(440, 1.5), tone(880, 1.5)], axis=1)
    kind = {"samplerate": 8000, "channels": 2, "format": "RAW", "subtype": subtype}
    with soundfile.SoundFile(path, "w", endian=endian, **kind) as out:
        out.write(samples)
    expected, _ = soundfile.read(path, dtype="float32", endian=endian, **kind)
    got, rate, warnings = read(path, RawFormat(8000, encoding, 2))
    np.testing.assert_allclose(got, expected, atol=error, rtol=0)
    assert (rate, warnings) == (8000, [])


def test_raw_file_needs_options(tmp_path: Path) -> None:
    (tmp_path / "a.ulaw").write_bytes(bytes(800))
    with pytest.raises(AudioError, match=r"a\.ulaw: has no header.*--raw-rate 8000"):
        open_recording(tmp_path / "a.ulaw")


def test_raw_cut_within_a_sample(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(1601))
    got, _, warnings = read(tmp_path / "a.raw", RawFormat(8000))
    assert len(got) == 800
    assert warnings == ["1 bytes at the end do not fill a sample and were dropped"]


def test_raw_stream_is_not_held_up() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.parts = [b"\0" * 321, b"\0" * 319, b""]

        def read1(self, size: int) -> bytes:
            return self.parts.pop(0)

    recording = open_raw(Pipe(), RawFormat(8000))  # type: ignore[arg-type]
    assert [len(b) for b in recording.blocks()] == [160, 160]


def test_wav_where_raw_was_expected(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 1))
    path.rename(tmp_path / "a.raw")
    with pytest.raises(AudioError, match=r"a\.raw: expected headerless audio, got a WAV file"):
        read(tmp_path / "a.raw", RawFormat(8000))


@pytest.mark.parametrize(
    ("rate", "encoding", "channels", "words"),
    [
        (0, "s16le", 1, "sample rate from 4000"),
        (8000, "pcm", 1, "raw format of s16le.*'pcm'"),
        (8000, "u8", 0, "1 to 64 channels, got 0"),
    ],
)
def test_impossible_raw_format(rate: int, encoding: str, channels: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RawFormat(rate, encoding, channels)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none\.wav: no such file"):
        open_recording(tmp_path / "none.wav")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder"):
        open_recording(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "e.wav").touch()
    with pytest.raises(AudioError, match=r"e\.wav: is empty \(0 bytes\)"):
        open_recording(tmp_path / "e.wav")


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wav(tmp_path / "p.wav", tone(440, 1))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match=r"p\.wav: permission denied"):
        open_recording(path)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".ogg", ""])
@pytest.mark.parametrize(
    "text", ["This is not audio.\n", "ü" * 5000, "#EXTM3U\nother.wav\n", "ffconcat version 1.0\n"]
)
def test_text_with_audio_name(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_text(text)
    with pytest.raises(AudioError, match="is text, not audio"):
        open_recording(path)


def test_random_bytes(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    with pytest.raises(AudioError, match="not a recording in a known format"):
        read(path)


def test_broken_wav_header(tmp_path: Path) -> None:
    path = tmp_path / "b.wav"
    path.write_bytes(b"RIFF\x10\x00\x00\x00WAVEfmt \x00\x01")
    with pytest.raises(AudioError, match=r"WAV file that cannot be decoded|holds no samples"):
        read(path)


def test_video_without_sound(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"v\.mp4: has no audio stream"):
        open_recording(write_video(tmp_path / "v.mp4"))


def test_zero_seconds(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "z.wav", np.zeros(0, np.float32))
    with pytest.raises(AudioError, match=r"holds no samples \(0 s"):
        read(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_samples(tmp_path: Path, bad: float) -> None:
    samples = tone(440, 2.0)
    samples[12000] = bad
    path = write_wav(tmp_path / "n.wav", samples, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"contains NaN or infinite samples \(first at 1\.500 s\)"):
        read(path)


def test_rate_out_of_range(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "r.wav", tone(440, 1), 1000)
    with pytest.raises(AudioError, match="sample rate from 4000 to 768000 Hz, got 1000"):
        read(path)


def test_loud_floats_give_a_warning(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "l.wav", tone(440, 1) * 32768, subtype="FLOAT")
    assert "expected −1…1" in read(path)[2][0]


def test_truncated_wav(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "t.wav", tone(440, 4))
    path.write_bytes(path.read_bytes()[: 44 + 32_000])
    got, _, warnings = read(path)
    assert len(got) == 16_000
    assert warnings == [
        "the file is truncated: its header announces 32000 bytes more; what is there was used"
    ]


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_wav_of_a_recorder_that_was_killed(tmp_path: Path, length: int) -> None:
    path = write_wav(tmp_path / "k.wav", tone(440, 2))
    data = bytearray(path.read_bytes())
    data[40:44] = length.to_bytes(4, "little")
    path.write_bytes(data)
    got, _, warnings = read(path)
    assert len(got) == 16_000
    assert warnings == []


@pytest.mark.parametrize("name", ["t.flac", "t.ogg", "t.mp3", "t.amr", "t.aac"])
def test_truncated_compressed_files_are_used_as_far_as_they_go(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    samples = np.random.default_rng(1).standard_normal(16000 * 6).astype(np.float32) * 0.1
    if name.endswith("amr"):
        write_av(path, samples[:48000], 8000, "libopencore_amrnb")
    elif name.endswith("aac"):
        write_av(path, samples, 16000, "aac")
    else:
        soundfile.write(path, samples, 16000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 7])
    got, rate, warnings = read(path)
    assert 1.5 < len(got) / rate < 4.0
    if name.endswith(("flac", "mp3")):  # the others do not announce their length
        assert "truncated" in warnings[0]


def test_truncated_m4a_says_so(tmp_path: Path) -> None:
    path = write_av(tmp_path / "t.m4a", tone(440, 3, 16000), 16000, "aac")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(AudioError, match="MP4/M4A file that cannot be decoded"):
        open_recording(path)


@pytest.mark.parametrize("name", ["long.wav", "long.amr"])
def test_blocks_are_bounded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("amr"):
        write_av(path, tone(440, 60), 8000, "libopencore_amrnb")
    else:
        write_wav(path, tone(440, 60))
    with open_recording(path) as recording:
        sizes = [len(b) for b in recording.blocks(0.5)]
    assert len(sizes) >= 100
    assert max(sizes) <= 0.5 * 8000 + 320

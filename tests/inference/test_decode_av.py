"""Many channels through FFmpeg: what once ended the process is read, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .recordings import write_av, write_wav
from .toy_model import tone

READ = """
import sys
import numpy as np
from ringtrue.inference.audio import open_recording
from ringtrue.inference.decode_av import AvDecoder
with open_recording(sys.argv[1]) as recording:
    assert isinstance(recording._decoder, AvDecoder), recording._decoder
    np.save(sys.argv[2], np.concatenate(list(recording.blocks())))
"""


def read_elsewhere(path: Path) -> np.ndarray:
    """Samples [n, channels] of a file, read in another process: a crash fails only the test."""
    saved = path.with_suffix(".npy")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(saved)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    got: np.ndarray = np.load(saved)
    assert got.dtype == np.float32
    return got


def tones(channels: int) -> np.ndarray:
    """Half a second at 16 kHz [n, channels], each channel higher than the one before."""
    return np.stack([tone(200 + 50 * c, 0.5, 16000) for c in range(channels)], axis=1)


@pytest.mark.parametrize(("layout", "channels"), [("7.1", 8), ("22.2", 24)])
def test_many_channels(tmp_path: Path, layout: str, channels: int) -> None:
    path = write_av(tmp_path / "a.mka", tones(channels), 16000, "pcm_s16le", layout)
    written = (tones(channels) * 32767).astype(np.int16)
    np.testing.assert_array_equal(read_elsewhere(path), written / np.float32(32768))


def test_surround_m4a(tmp_path: Path) -> None:
    got = read_elsewhere(write_av(tmp_path / "a.m4a", tones(8), 16000, "aac", "7.1"))
    heard = np.argmax(np.abs(np.fft.rfft(got[1024:7424], axis=0)), axis=0) * 2.5
    full = [0, 1, 2, 4, 5, 6, 7]  # channel 3 holds bass alone
    np.testing.assert_allclose(heard[full], 200 + 50 * np.array(full), atol=2.5)


@pytest.mark.parametrize("channels", [9, 33])
def test_wav_with_a_wrong_number_of_channels(tmp_path: Path, channels: int) -> None:
    """libsndfile refuses frames too short for their channels; FFmpeg believes the channels."""
    path = write_wav(tmp_path / "wrong.wav", tone(440, 2.0, 16000), 16000, "FLOAT")
    data = bytearray(path.read_bytes())
    assert data[12:16] == b"fmt "
    data[22:24] = channels.to_bytes(2, "little")
    path.write_bytes(data)
    got = read_elsewhere(path)
    assert got.shape[1] == channels
    assert len(got) == pytest.approx(32_000 / channels, abs=2)  # FFmpeg may drop a torn frame
    assert np.abs(got).max() <= 1

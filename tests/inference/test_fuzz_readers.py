"""Any bytes are read to their end or refused with an ``AudioError``."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.audio import AudioError, RawFormat, open_recording

from .recordings import write_av
from .toy_model import robot

FORMATS = {
    "wav": {"subtype": "PCM_16"},
    "mu.wav": {"subtype": "ULAW"},
    "float.wav": {"subtype": "FLOAT"},
    "adpcm.wav": {"subtype": "IMA_ADPCM"},
    "mp3": {},
    "flac": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "aiff": {},
}


@cache
def seeds(folder: Path) -> dict[str, bytes]:
    """A whole recording of each format."""
    found = {}
    for name, options in FORMATS.items():
        stream = io.BytesIO()
        kind = {"format": name.rpartition(".")[2].upper(), **options}
        soundfile.write(stream, robot(0.5, 16000), 16000, **kind)
        found[name] = stream.getvalue()
    found["m4a"] = write_av(folder / "x.m4a", robot(0.5, 16000), 16000, "aac").read_bytes()
    surround = np.tile(robot(0.25, 16000)[:, np.newaxis], 8)
    found["8.m4a"] = write_av(folder / "8.m4a", surround, 16000, "aac", "7.1").read_bytes()
    found["ulaw"] = bytes(range(256)) * 8
    return found


def check(path: Path) -> None:
    """Read to the end; anything but samples or an ``AudioError`` fails the test."""
    with suppress(AudioError), open_recording(path, RawFormat(8000, "mulaw")) as recording:
        frames = 0
        for block in recording.blocks():
            assert block.dtype == np.float32
            assert block.shape[1] == recording.channels
            frames += len(block)
            assert frames < 3600 * recording.sample_rate


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_recordings(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = seeds(tmp_path_factory.getbasetemp())
    name = data.draw(st.sampled_from(sorted(whole)))
    content = bytearray(whole[name])
    for _ in range(data.draw(st.integers(0, 4))):
        # Headers break readers more often than samples do.
        limit = data.draw(st.sampled_from([64, 600, len(content)]))
        at = data.draw(st.integers(0, max(0, min(limit, len(content)) - 1)))
        change = data.draw(st.sampled_from(["set", "cut", "remove", "repeat"]))
        if change == "set":
            new = data.draw(st.binary(min_size=1, max_size=4))
            content[at : at + len(new)] = new
        elif change == "cut":
            del content[at:]
        elif change == "remove":
            del content[at : at + data.draw(st.integers(1, 300))]
        else:
            content[at:at] = content[at : at + data.draw(st.integers(1, 300))]
    path = tmp_path_factory.mktemp("fuzz") / f"x.{name}"
    path.write_bytes(content)
    check(path)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(
        [b"", b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS\0\2", b"ID3\4", b"\xff\xfb\x90"]
    ),
    st.binary(max_size=400),
    st.sampled_from([".wav", ".mp3", ".flac", ".ogg", ".m4a", ".ulaw", ".amr"]),
)
def test_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, body: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    path.write_bytes(head + body)
    check(path)


def test_a_stream_without_decoder_is_an_error(tmp_path: Path) -> None:
    """PyAV opens a WAV file of a codec that nobody knows; found by fuzzing."""
    stream = io.BytesIO()
    soundfile.write(stream, robot(1), 8000, format="WAV", subtype="PCM_16")
    data = bytearray(stream.getvalue())
    data[20:22] = b"\x99\x77"
    path = tmp_path / "unknown.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match="has an audio stream of an unknown kind"):
        open_recording(path)

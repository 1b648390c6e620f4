"""Headerless audio: the caller says the rate and the encoding."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from ringtrue.inference.resample import check_rate

Samples = npt.NDArray[np.float32]

WIDTHS = {
    "s16le": 2,
    "s16be": 2,
    "u8": 1,
    "s8": 1,
    "s24le": 3,
    "s32le": 4,
    "f32le": 4,
    "mulaw": 1,
    "alaw": 1,
}
"""Bytes per sample of the encodings that can be read."""

HEADERLESS = frozenset({".raw", ".pcm", ".sln", ".ulaw", ".ul", ".mulaw", ".alaw", ".al"})
"""File endings of recordings that do not say their rate and encoding."""


@dataclass(frozen=True)
class RawFormat:
    """What a headerless recording does not say about itself.

    Attributes:
        rate: Hz.
        encoding: a key of ``WIDTHS``.
        channels: interleaved channels.

    Raises:
        ValueError: an unknown encoding, an impossible rate or number of channels.
    """

    rate: int
    encoding: str = "s16le"
    channels: int = 1

    def __post_init__(self) -> None:
        check_rate(self.rate)
        if self.encoding not in WIDTHS:
            raise ValueError(f"expected a raw format of {', '.join(WIDTHS)}, got {self.encoding!r}")
        if not 1 <= self.channels <= 64:
            raise ValueError(f"expected 1 to 64 channels, got {self.channels}")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return WIDTHS[self.encoding] * self.channels


@cache
def _g711_table(encoding: str) -> Samples:
    """The 256 values of a G.711 law, as libsndfile decodes them."""
    subtype = {"mulaw": "ULAW", "alaw": "ALAW"}[encoding]
    values, _ = soundfile.read(
        io.BytesIO(bytes(range(256))),
        samplerate=8000,
        channels=1,
        format="RAW",
        subtype=subtype,
        dtype="float32",
    )
    table: Samples = values
    return table


def decode_raw(data: bytes, raw: RawFormat) -> Samples:
    """Float32 samples [frames, channels] in −1…1 of whole frames of raw audio.

    Raises:
        ValueError: ``data`` does not hold whole frames.
    """
    if len(data) % raw.frame_bytes:
        raise ValueError(f"expected a multiple of {raw.frame_bytes} bytes, got {len(data)}")
    encoding = raw.encoding
    flat: Samples
    if encoding in ("mulaw", "alaw"):
        flat = _g711_table(encoding)[np.frombuffer(data, np.uint8)]
    elif encoding == "u8":
        flat = (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    elif encoding == "f32le":
        flat = np.frombuffer(data, "<f4").astype(np.float32)
    elif encoding == "s24le":
        three = np.frombuffer(data, np.uint8).reshape(-1, 3)
        four = np.zeros((len(three), 4), np.uint8)
        four[:, 1:] = three
        flat = (four.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        dtype, bits = {"s8": ("i1", 8), "s16le": ("<i2", 16), "s16be": (">i2", 16)}.get(
            encoding, ("<i4", 32)
        )
        flat = (np.frombuffer(data, dtype) / 2.0 ** (bits - 1)).astype(np.float32)
    return flat.reshape(-1, raw.channels)


def read_raw(
    stream: BinaryIO, raw: RawFormat, block_seconds: float, warnings: list[str]
) -> Iterator[Samples]:
    """Blocks [frames, channels] of at most ``block_seconds`` as the bytes arrive.

    Short reads (pipes) give short blocks at once, so that a live stream is not held up. Bytes
    that do not fill a frame at the end are dropped with an entry in ``warnings``.

    Raises:
        ValueError: the bytes begin with a WAV header.
    """
    size = max(1, int(block_seconds * raw.rate)) * raw.frame_bytes
    # read1 returns what a pipe has now; read would wait for the whole block.
    read = getattr(stream, "read1", stream.read)
    rest = b""
    first = True
    while data := read(size):
        if first and data[:4] == b"RIFF":
            raise ValueError("expected headerless audio, got a WAV file")
        first = False
        data = rest + data
        whole = len(data) - len(data) % raw.frame_bytes
        rest = data[whole:]
        if whole:
            yield decode_raw(data[:whole], raw)
    if rest:
        warnings.append(f"{len(rest)} bytes at the end do not fill a sample and were dropped")

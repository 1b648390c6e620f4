"""A prompt as a bank keeps it: keyed hashes only."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.frames import BLOCK_FRAMES, FRAME_RATE
from ringtrue.inference.replay.keyed import Hashes, Keyed

NAME_LENGTH: Final = 12
MAX_FRAMES: Final = 65535


@dataclass(frozen=True)
class Prompt:
    """One stretch of speech, by its one-way hashes.

    Attributes:
        hashes: [n] uint32 of the landmarks.
        frames: [n] uint16 of the landmarks, ascending.
        sketch: [blocks] uint32 of the shape.
    """

    hashes: Hashes
    frames: npt.NDArray[np.uint16]
    sketch: Hashes

    @classmethod
    def of(cls, heard: Fingerprint, keyed: Keyed) -> Prompt:
        """The prompt of a fingerprint of at most 819 s.

        Raises:
            ValueError: too long, or without landmarks.
        """
        if len(heard.shape) > MAX_FRAMES:
            raise ValueError(
                f"expected a prompt of at most {MAX_FRAMES / FRAME_RATE:.0f} s, "
                f"got {heard.seconds:.0f} s"
            )
        if not len(heard.codes):
            raise ValueError("expected speech, got a stretch without spectral peaks")
        return cls(
            keyed.hashes(heard.codes),
            heard.frames.astype(np.uint16),
            keyed.block_sketch(heard.shape),
        )

    @property
    def seconds(self) -> float:
        """Length in s, to 100 ms."""
        return len(self.sketch) * BLOCK_FRAMES / FRAME_RATE

    @property
    def name(self) -> str:
        """Hexadecimal name, the same for the same hashes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:NAME_LENGTH]

    def to_bytes(self) -> bytes:
        """Little-endian: crc32, number of landmarks, hashes, frames, sketch."""
        body = b"".join(
            (
                np.array([len(self.hashes)], "<u4").tobytes(),
                self.hashes.astype("<u4").tobytes(),
                self.frames.astype("<u2").tobytes(),
                self.sketch.astype("<u4").tobytes(),
            )
        )
        return zlib.crc32(body).to_bytes(4, "little") + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Prompt:
        """The inverse of :meth:`to_bytes`.

        Raises:
            ValueError: cut short or altered.
        """
        body = data[4:]
        if len(data) < 8 or zlib.crc32(body) != int.from_bytes(data[:4], "little"):
            raise ValueError("a stored prompt is damaged: its checksum is wrong")
        count = int.from_bytes(body[:4], "little")
        rest = len(body) - 4 - 6 * count
        if rest < 0 or rest % 4:
            raise ValueError(f"a stored prompt is damaged: {len(body)} bytes for {count} landmarks")
        return cls(
            np.frombuffer(body, "<u4", count, 4).astype(np.uint32),
            np.frombuffer(body, "<u2", count, 4 + 4 * count).astype(np.uint16),
            np.frombuffer(body, "<u4", rest // 4, 4 + 6 * count).astype(np.uint32),
        )

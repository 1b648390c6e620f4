"""Decoding through libsndfile: WAV with all its codecs, FLAC, Ogg, MP3, AIFF, AU, CAF."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]
log = logging.getLogger(__name__)

# Recorders that cannot seek back write one of these instead of the true length.
_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFE})
_READ_FRAMES = 2048
_READS_PER_SECOND = 8
"""libsndfile gives nothing of a read that meets damage, so reads are short: 2,048 frames, or an
eighth of a second where that is more, lest the calls cost more than the decoding."""


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """Reads straight on: soundfile seeks after every read, which silences some MP3 files."""

    def seekable(self) -> bool:
        """Deny it, so that soundfile does not seek."""
        return False


class SoundfileDecoder:
    """An open file.

    Attributes:
        sample_rate: Hz.
        channels: number of channels.
        announced_seconds: length that the header promises, or None.
        warnings: what was wrong but did not stop the reading.

    Raises:
        soundfile.LibsndfileError: not a format that libsndfile reads.
    """

    def __init__(self, path: Path) -> None:
        self._file = _ForwardFile(str(path))
        self.sample_rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.warnings: list[str] = []
        frames = int(self._file.frames)
        known = 0 <= frames < 1 << 48
        self._announced = frames if known else None
        missing = missing_wav_bytes(path)
        if missing:
            self.warnings.append(
                f"the file is truncated: its header announces {missing} bytes more; "
                "what is there was used"
            )

    @property
    def announced_seconds(self) -> float | None:
        """Length in s according to the header, or None when it does not say."""
        return None if self._announced is None else self._announced / self.sample_rate

    def blocks(self, frames: int) -> Iterator[Samples]:
        """Blocks [n, channels] with n ≤ ``frames``; damage ends the reading with a warning."""
        done = 0
        problem = ""
        most = max(_READ_FRAMES, self.sample_rate // _READS_PER_SECOND)
        while not problem:
            parts: list[Samples] = []
            count = 0
            while count < frames and not problem:
                try:
                    part = self._file.read(
                        min(most, frames - count), dtype="float32", always_2d=True
                    )
                except soundfile.SoundFileError as error:
                    problem = str(error).rstrip(".")
                else:
                    problem = "" if len(part) else "it ends early"
                    parts.append(part)
                    count += len(part)
            if count:
                done += count
                yield np.concatenate(parts)
        if problem != "it ends early" or done < (self._announced or 0):
            self._warn_short(done, problem)

    @property
    def announces_nothing(self) -> bool:
        """Whether the header says 0 frames, as recorders do that were killed."""
        return self._announced == 0

    def _warn_short(self, done: int, why: str) -> None:
        if not self.warnings:
            self.warnings.append(
                f"the file is truncated or damaged after {done / self.sample_rate:.1f} s "
                f"({why}); what came before was used"
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def missing_wav_bytes(path: Path) -> int:
    """Bytes that the data chunk of a RIFF WAV file lacks; 0 for whole files and other formats.

    libsndfile shortens a cut WAV file silently, so its header has to be compared here
    (RIFF: Microsoft/IBM, Multimedia Programming Interface 1.0, 1991).
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return 0
        position = 12
        while position + 8 <= size:
            stream.seek(position)
            header = stream.read(8)
            length = int.from_bytes(header[4:8], "little")
            if header[:4] == b"data":
                return 0 if length in _UNKNOWN_SIZES else max(0, position + 8 + length - size)
            position += 8 + length + length % 2
    return 0

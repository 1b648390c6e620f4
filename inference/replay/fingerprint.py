"""What is kept of audio to find it again: landmarks and shape, streamed or of a whole signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import (
    BLOCK,
    BLOCK_FRAMES,
    HOP,
    SAMPLE_RATE,
    WINDOW,
    FrameStream,
    Samples,
)
from ringtrue.inference.replay.landmarks import MAX_GAP, LandmarkStream
from ringtrue.inference.replay.peaks import PeakStream
from ringtrue.inference.replay.shape import DIMENSIONS, REACH, Shape, ShapeStream

_FLUSH = WINDOW + BLOCK * (2 + REACH + -(-MAX_GAP // BLOCK_FRAMES))


@dataclass(frozen=True)
class Piece:
    """What became known of a stream by one push.

    Attributes:
        frames: of the landmarks, counted from the start of the stream, in time order.
        codes: of the landmarks, 0…``landmarks.CODES`` - 1.
        shape: [n, DIMENSIONS] int8 of the next n frames.
    """

    frames: list[int]
    codes: list[int]
    shape: Shape


class Fingerprinter:
    """The fingerprint of a stream, piece by piece; however it is cut, the pieces add up to the
    same. Landmarks come 0.8 s after their first peak, shapes 0.6 s after their frame.
    """

    def __init__(self) -> None:
        self._stream = FrameStream()
        self._peaks = PeakStream()
        self._landmarks = LandmarkStream()
        self._shape = ShapeStream()
        self._blocks = 0

    def push(self, pcm: Samples) -> Piece:
        """Hear the next samples, [n] float32 at 8 kHz, any n."""
        power = self._stream.push(pcm)
        self._blocks += len(power) // BLOCK_FRAMES
        peaks = self._peaks.push(power)
        complete = (self._blocks - 1) * BLOCK_FRAMES
        frames, codes = self._landmarks.push(*peaks, complete)
        return Piece(frames, codes, self._shape.push(power))

    def finish(self) -> Piece:
        """What silence after the end brings out; the frames go on into that silence."""
        return self.push(np.zeros(_FLUSH, np.float32))


@dataclass(frozen=True)
class Fingerprint:
    """The fingerprint of a whole signal.

    Attributes:
        frames: [n] int32 of the landmarks, ascending.
        codes: [n] int32 of the landmarks.
        shape: [frames, DIMENSIONS] int8.
    """

    frames: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int32]
    shape: Shape

    @property
    def seconds(self) -> float:
        """Length of the signal in s, to a frame."""
        return len(self.shape) * HOP / SAMPLE_RATE

    def cut(self, start: int, stop: int) -> Fingerprint:
        """The part between two frames, counted from its own start."""
        first, last = np.searchsorted(self.frames, [start, stop])
        return Fingerprint(
            self.frames[first:last] - np.int32(start),
            self.codes[first:last],
            self.shape[start:stop],
        )


def fingerprint(samples: Samples) -> Fingerprint:
    """The fingerprint of [n] float32 samples at 8 kHz."""
    maker = Fingerprinter()
    step = 10 * SAMPLE_RATE
    pieces = [maker.push(samples[i : i + step]) for i in range(0, len(samples), step)]
    pieces.append(maker.finish())
    return join(pieces, -(-len(samples) // HOP))


def join(pieces: list[Piece], frames: int) -> Fingerprint:
    """One fingerprint of the pieces of a stream, cut to its first ``frames`` frames."""
    shape = np.concatenate([p.shape for p in pieces] or [np.zeros((0, DIMENSIONS), np.int8)])
    return Fingerprint(
        np.array([f for p in pieces for f in p.frames], np.int32),
        np.array([c for p in pieces for c in p.codes], np.int32),
        shape[:frames],
    ).cut(0, frames)

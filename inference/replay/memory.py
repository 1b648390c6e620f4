"""The shape and the speech of a call's past, bounded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import BLOCK_FRAMES
from ringtrue.inference.replay.shape import DIMENSIONS, Shape


class CallMemory:
    """The newest frames of a call, addressed by their number from the start of the call.

    Args:
        capacity: frames that are kept at least; twice as many are allocated over time.

    Attributes:
        first: oldest frame held.
        stop: frame after the newest.
        spoken: blocks with speech so far.
    """

    def __init__(self, capacity: int) -> None:
        self.first = 0
        self.stop = 0
        self._capacity = capacity
        self._shape: Shape = np.empty((2048, DIMENSIONS), np.int8)
        self._speech = bytearray()
        self.spoken = 0

    def add_shape(self, shape: Shape) -> None:
        """Append the shape of the next frames."""
        count = len(shape)
        held = self.stop - self.first
        if held + count > len(self._shape):
            if held > self._capacity:
                drop = held - self._capacity
                self._shape[: self._capacity] = self._shape[drop:held].copy()
                self.first += drop
                held = self._capacity
            if held + count > len(self._shape):
                grown: Shape = np.empty((2 * (held + count), DIMENSIONS), np.int8)
                grown[:held] = self._shape[:held]
                self._shape = grown
        self._shape[held : held + count] = shape
        self.stop += count

    def add_speech(self, heard: bool) -> None:
        """Note whether the next block of 100 ms holds speech (one byte each, never dropped)."""
        self._speech.append(heard)
        self.spoken += heard

    def shape(self, start: int, stop: int) -> Shape:
        """[stop - start, DIMENSIONS]; frames that are not held are zeros."""
        low, high = max(start, self.first), min(stop, self.stop)
        if low == start and high == stop:
            return self._shape[start - self.first : stop - self.first]
        out: Shape = np.zeros((stop - start, DIMENSIONS), np.int8)
        if high > low:
            out[low - start : high - start] = self._shape[low - self.first : high - self.first]
        return out

    def block_has_speech(self, block: int) -> bool:
        """False for blocks that were not heard yet."""
        return 0 <= block < len(self._speech) and bool(self._speech[block])

    def speech(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """[stop - start], True for frames whose block holds speech; ``start`` >= 0."""
        first = start // BLOCK_FRAMES
        blocks = np.frombuffer(self._speech[first : -(-stop // BLOCK_FRAMES)], np.bool_)
        frames = np.repeat(blocks, BLOCK_FRAMES)[start - first * BLOCK_FRAMES :][: stop - start]
        if len(frames) < stop - start:
            frames = np.concatenate((frames, np.zeros(stop - start - len(frames), np.bool_)))
        return frames

    def speech_blocks(self, start_block: int) -> int:
        """Number of blocks with speech from ``start_block`` on."""
        return self._speech.count(1, max(0, start_block))

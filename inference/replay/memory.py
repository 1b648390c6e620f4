"""The shape, the speech and the samples of a call's past, bounded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import BLOCK_FRAMES, HOP, WINDOW, Samples
from ringtrue.inference.replay.rolling import Rolling
from ringtrue.inference.replay.shape import DIMENSIONS, Shape

_LARGEST = np.float32(np.finfo(np.float16).max)


class CallMemory:
    """The newest frames of a call, addressed by their number from the start of the call.

    Args:
        capacity: frames that are kept at least; twice as many are allocated over time.

    Attributes:
        spoken: blocks with speech so far.
    """

    def __init__(self, capacity: int) -> None:
        self._shape = Rolling(capacity, (DIMENSIONS,), np.int8)
        # 11 bits are more than a telephone line carries.
        self._audio = Rolling(capacity * HOP, (), np.float16)
        self._speech = bytearray()
        self.spoken = 0

    @property
    def first(self) -> int:
        """Oldest frame whose shape is held."""
        return self._shape.first

    @property
    def stop(self) -> int:
        """Frame after the newest whose shape is held."""
        return self._shape.stop

    def add_audio(self, pcm: Samples) -> None:
        """Append the next samples, [n] float32 at 8 kHz."""
        self._audio.add(np.clip(pcm, -_LARGEST, _LARGEST).astype(np.float16))

    def add_shape(self, shape: Shape) -> None:
        """Append the shape of the next frames."""
        self._shape.add(shape)

    def add_speech(self, heard: bool) -> None:
        """Note whether the next block of 100 ms holds speech (one byte each, never dropped)."""
        self._speech.append(heard)
        self.spoken += heard

    def shape(self, start: int, stop: int) -> Shape:
        """[stop - start, DIMENSIONS]; frames that are not held are zeros."""
        return self._shape.get(start, stop)

    def audio(self, start: int, stop: int) -> Samples:
        """[n] float32, the samples of frames ``start`` to ``stop`` - 1; zeros if not held."""
        return self._audio.get(start * HOP, (stop - 1) * HOP + WINDOW).astype(np.float32)

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

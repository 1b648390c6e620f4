"""Spectral peaks of a stream: the local maxima that survive codecs and noise."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import BINS, BLOCK_FRAMES, Power

NEAR_FRAMES: Final = 4
NEAR_BINS: Final = 4
"""A peak is the highest of its surroundings: ±50 ms and ±62 Hz."""
DEPTH_DB: Final = 25.0
"""Peaks lie at most this far below the loudest of the past 1.6 s; what is lower is noise."""
MEMORY_BLOCKS: Final = 16
PER_BLOCK: Final = 6
"""Most peaks kept of a block of 100 ms, the highest first."""

_TINY: Final = 1e-9
_LOWEST: Final = np.float32(np.log(_TINY))
_DEPTH: Final = np.float32(DEPTH_DB * np.log(10) / 10)


class PeakStream:
    """Picks peaks one block behind the frames, since a peak needs its right neighbours.

    Everything is relative to the level of the stream, so gain does not matter.
    """

    def __init__(self) -> None:
        self._log: npt.NDArray[np.float32] = np.full((BLOCK_FRAMES + NEAR_FRAMES, BINS), _LOWEST)
        self._loudest: npt.NDArray[np.float32] = np.full(MEMORY_BLOCKS, _LOWEST)
        self._next = -1  # block in the second place of self._log; -1 is the silence before

    def push(self, power: Power) -> tuple[list[int], list[int]]:
        """Frames (from the start of the stream) and bins (0…199) of the new peaks, in time order.

        Args:
            power: [8 k, BINS] of the next k blocks.
        """
        blocks = len(power) // BLOCK_FRAMES
        if not blocks:
            return [], []
        log = np.concatenate((self._log, np.log(power + np.float32(_TINY))))
        top = log[-len(power) :].reshape(blocks, -1).max(axis=1)
        loudest = np.concatenate((self._loudest, top))
        # Frames with both neighbours: from the last block held to the last but one.
        start, stop = NEAR_FRAMES, len(log) - BLOCK_FRAMES
        high = _surroundings(log[: stop + NEAR_FRAMES])
        inner = log[start:stop]
        windows = np.lib.stride_tricks.sliding_window_view(loudest, MEMORY_BLOCKS + 1)
        floor = windows.max(axis=1)[-blocks:] - _DEPTH
        found = (inner >= high) & (inner > np.repeat(floor, BLOCK_FRAMES)[:, np.newaxis])
        # Digital silence is a plain of equal values, not a mountain range.
        found &= inner > _LOWEST + np.float32(1.0)
        found[:, 0] = found[:, -1] = False
        frames, bins = np.nonzero(found)
        frames, bins = _highest(frames, bins, inner[frames, bins])
        frames = frames + self._next * BLOCK_FRAMES
        real = frames >= 0
        self._next += blocks
        self._log = log[-(BLOCK_FRAMES + NEAR_FRAMES) :]
        self._loudest = loudest[-MEMORY_BLOCKS:]
        return frames[real].tolist(), bins[real].tolist()


def _surroundings(log: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The highest value around each frame but the first and last NEAR_FRAMES, [frames, BINS]."""
    wide = np.full((len(log), BINS + 2 * NEAR_BINS), _LOWEST)
    wide[:, NEAR_BINS:-NEAR_BINS] = log
    return _highest_of(_highest_of(wide.T, 2 * NEAR_BINS + 1).T, 2 * NEAR_FRAMES + 1)


def _highest_of(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Maximum of ``count`` rows from each on, by doubling."""
    have = 1
    out = values
    while have < count:
        step = min(have, count - have)
        out = np.maximum(out[:-step], out[step:])
        have += step
    return out


def _highest(
    frames: npt.NDArray[np.intp], bins: npt.NDArray[np.intp], height: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The PER_BLOCK highest peaks of each block, in time order."""
    block = frames // BLOCK_FRAMES
    order = np.lexsort((-height, block))
    ordered = block[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    kept = np.sort(order[place < PER_BLOCK])
    return frames[kept], bins[kept]

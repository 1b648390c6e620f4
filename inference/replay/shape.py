"""Spectral shape: what two places are compared by when landmarks say that they may be the same.

Band energies are floored relative to the loudest of about a second, then differenced over
frequency and freed of their mean over time, which removes level, line response and steady noise.
Differences of neighbouring bands over time are what Haitsma and Kalker (ISMIR 2002) take the sign
of; here they stay numbers, because a replay through a 4.75 kbit/s codec needs them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import BINS, BLOCK_FRAMES, FIRST_BIN, Power

Shape = npt.NDArray[np.int8]

BANDS: Final = 64
DIMENSIONS: Final = BANDS - 1
REACH: Final = 5
"""Blocks before and after that the floor and the mean are taken from."""
FLOOR_DB: Final = 12.0
"""Floor of a band below the loudest frame's mean band."""
STEPS: Final = 16.0
"""Steps per neper of the stored numbers."""
_TINY: Final = 1e-9


def _band_starts() -> npt.NDArray[np.intp]:
    low, high = (1127 * np.log1p(15.625 * b / 700) for b in (FIRST_BIN, FIRST_BIN + BINS))
    edges = 700 * np.expm1(np.linspace(low, high, BANDS + 1) / 1127) / 15.625 - FIRST_BIN
    return np.rint(edges[:-1]).astype(np.intp)


class ShapeStream:
    """Gives the shape of each frame ``REACH`` blocks after it was heard."""

    def __init__(self) -> None:
        self._starts = _band_starts()
        self._log: npt.NDArray[np.float32] = np.zeros((0, BANDS), np.float32)
        self._floor = -1.0
        # The silence before the start counts as quiet blocks.
        self._energy: npt.NDArray[np.float32] = np.zeros((REACH, BLOCK_FRAMES, BANDS), np.float32)

    def push(self, power: Power) -> Shape:
        """Shape [8 k', DIMENSIONS] int8 of the frames that became complete.

        Args:
            power: [8 k, BINS] of the next k blocks.
        """
        blocks = len(power) // BLOCK_FRAMES
        if not blocks:
            return np.zeros((0, DIMENSIONS), np.int8)
        new = np.add.reduceat(power, self._starts, axis=1)
        energy = np.concatenate((self._energy, new.reshape(blocks, BLOCK_FRAMES, BANDS)))
        span = 2 * REACH + 1
        ready = len(energy) - span + 1
        if ready <= 0:
            self._energy = energy
            return np.zeros((0, DIMENSIONS), np.int8)
        self._energy = energy[ready:]
        flat = np.empty((ready, BLOCK_FRAMES, BANDS), np.float32)
        frames = np.float32(span * BLOCK_FRAMES)
        loudest = energy.sum(axis=2).max(axis=1) / BANDS
        for i in range(ready):
            floor = loudest[i : i + span].max() * np.float32(10 ** (-FLOOR_DB / 10))
            log = self._logarithm(energy[i : i + span].reshape(-1, BANDS), floor)
            middle = log[REACH * BLOCK_FRAMES : (REACH + 1) * BLOCK_FRAMES]
            np.subtract(middle, np.add.reduce(log, axis=0) / frames, out=flat[i])
        steps = (flat[..., 1:] - flat[..., :-1]) * np.float32(STEPS)
        shape: Shape = np.clip(np.rint(steps), -127, 127).astype(np.int8)
        return shape.reshape(ready * BLOCK_FRAMES, DIMENSIONS)

    def _logarithm(
        self, energy: npt.NDArray[np.float32], floor: np.float32
    ) -> npt.NDArray[np.float32]:
        """Log energies of a block and its surroundings; what the last block had is used again."""
        known = len(energy) - BLOCK_FRAMES if self._floor == floor else 0
        log = np.empty_like(energy)
        log[:known] = self._log[BLOCK_FRAMES:][:known]
        np.log(energy[known:] + (floor + np.float32(_TINY)), out=log[known:])
        self._log, self._floor = log, float(floor)
        return log

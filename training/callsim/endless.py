"""Recorded noise of any length that never repeats, as noise around a telephone does.

A looped recording would come back as an exact repetition and pass for a replayed prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.channel.base import SAMPLE_RATE, Chain, Params
from ringtrue.training.channel.levels import active_power
from ringtrue.training.channel.noise import Noise

Samples = NDArray[np.float32]

PIECE = int(0.5 * SAMPLE_RATE)
HOP = PIECE // 2


def endless(source: Samples, length: int, rng: np.random.Generator) -> Samples:
    """``length`` samples of noise like ``source``: pieces of 0.5 s from random places.

    Neighbouring pieces overlap by half with sine windows, which keeps the power of noise.
    """
    if length <= 0 or not len(source):
        return np.zeros(max(0, length), np.float32)
    if len(source) < PIECE:
        source = np.resize(source, PIECE)
    count = length // HOP + 2
    starts = rng.integers(0, len(source) - PIECE + 1, count)
    window = np.sin(np.pi * (np.arange(PIECE) + 0.5) / PIECE).astype(np.float32)
    pieces = source[starts[:, None] + np.arange(PIECE)] * window
    whole = np.zeros((count + 1) * HOP, np.float32)
    whole[: count * HOP] += pieces[:, :HOP].reshape(-1)
    whole[HOP:] += pieces[:, HOP:].reshape(-1)
    return whole[HOP : HOP + length]


@dataclass(frozen=True, eq=False, kw_only=True)
class EndlessNoise(Noise):
    """The channel's noise without loops."""

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Add the noise."""
        if params["kind"] != "recorded":
            return super().apply(samples, params)
        rng = np.random.default_rng([int(params["start"] * 2**31), params["index"]])
        noise = endless(self.noises[params["index"]], len(samples), rng)
        power = float(np.mean(np.square(noise, dtype=np.float64)))
        if power <= 0:
            return samples
        target = active_power(samples) / 10 ** (params["snr_db"] / 10) or 1e-6
        return samples + noise * np.float32(np.sqrt(target / power))


def without_loops(line: Chain) -> Chain:
    """A channel whose noise never repeats."""
    steps = [
        EndlessNoise(p=step.p, noises=step.noises, snr=step.snr, generated=step.generated)
        if type(step) is Noise
        else step
        for step in line.transforms
    ]
    return replace(line, transforms=tuple(steps))

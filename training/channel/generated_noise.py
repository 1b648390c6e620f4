"""Generated line noise: coloured noise and mains hum."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.signal import lfilter

from ringtrue.training.channel.base import SAMPLE_RATE, Samples

NOISE_KINDS: Final = ("white", "pink", "brown", "hum")


def generate_noise(kind: str, length: int, rng: np.random.Generator) -> Samples:
    """Noise of unit mean square.

    Pink noise uses Kellet's three-pole approximation of 1/f (within 0.5 dB above 30 Hz at 8 kHz).

    Args:
        kind: one of ``NOISE_KINDS``.
        length: samples at 8 kHz.
        rng: source of the noise.

    Raises:
        ValueError: unknown ``kind``.
    """
    white = rng.standard_normal(length).astype(np.float32)
    if kind == "white":
        noise = white
    elif kind == "pink":
        noise = lfilter(
            [0.049922035, -0.095993537, 0.050612699, -0.004408786],
            [1, -2.494956002, 2.017265875, -0.522189400],
            white,
        )
    elif kind == "brown":
        noise = lfilter([1.0, -1.0], [1.0, -1.985, 0.98503], white)
    elif kind == "hum":
        mains = float(rng.choice([50.0, 60.0]))
        time = np.arange(length, dtype=np.float32) * np.float32(2 * np.pi * mains / SAMPLE_RATE)
        noise = 0.03 * white
        for harmonic in range(1, 12):
            level, phase = rng.uniform(0.1, 1.0) / harmonic, rng.uniform(0, 2 * np.pi)
            noise = noise + np.float32(level) * np.sin(harmonic * time + np.float32(phase))
    else:
        raise ValueError(f"expected a noise of {', '.join(NOISE_KINDS)}, got {kind!r}")
    power = float(np.mean(np.square(noise, dtype=np.float64))) if length else 0.0
    return (noise / np.sqrt(power) if power > 0 else noise).astype(np.float32)

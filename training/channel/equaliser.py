"""Frequency response of handsets, headsets and microphones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform


def biquad(kind: str, frequency: float, gain_db: float, quality: float) -> NDArray[np.float64]:
    """One second-order section of the Audio EQ Cookbook (R. Bristow-Johnson; W3C note 2021).

    Args:
        kind: ``peak``, ``low_shelf`` or ``high_shelf``.
        frequency: centre or corner in Hz, below half the sample rate.
        gain_db: gain at the centre or of the shelf.
        quality: Q of the peak; for shelves the slope S.

    Raises:
        ValueError: unknown ``kind``.
    """
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * frequency / SAMPLE_RATE
    cos, sin = np.cos(w), np.sin(w)
    if kind == "peak":
        alpha = sin / (2 * quality)
        b = [1 + alpha * a, -2 * cos, 1 - alpha * a]
        d = [1 + alpha / a, -2 * cos, 1 - alpha / a]
    elif kind in ("low_shelf", "high_shelf"):
        alpha = sin / 2 * np.sqrt((a + 1 / a) * (1 / quality - 1) + 2)
        s = 1 if kind == "low_shelf" else -1
        root = 2 * np.sqrt(a) * alpha
        b = [
            a * ((a + 1) - s * (a - 1) * cos + root),
            s * 2 * a * ((a - 1) - s * (a + 1) * cos),
            a * ((a + 1) - s * (a - 1) * cos - root),
        ]
        d = [
            (a + 1) + s * (a - 1) * cos + root,
            s * -2 * ((a - 1) + s * (a + 1) * cos),
            (a + 1) + s * (a - 1) * cos - root,
        ]
    else:
        raise ValueError(f"expected peak, low_shelf or high_shelf, got {kind!r}")
    return np.asarray([value / d[0] for value in b + d], dtype=np.float64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Equaliser(Transform):
    """Random smooth response: both shelves (tilt) and one to four peaks or dips.

    Attributes:
        max_db: largest gain of a peak, dip or shelf in dB.
    """

    max_db: float = 6.0

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the sections."""
        tilt = float(np.clip(rng.normal(0, self.max_db / 2), -self.max_db, self.max_db))
        sections: list[list[str | float]] = [
            ["low_shelf", float(rng.uniform(250, 800)), -tilt, 0.7],
            ["high_shelf", float(rng.uniform(1500, 3000)), tilt, 0.7],
        ]
        for _ in range(int(rng.integers(1, 5))):
            sections.append(
                [
                    "peak",
                    float(np.exp(rng.uniform(np.log(200), np.log(3600)))),
                    float(rng.uniform(-self.max_db, self.max_db)),
                    float(rng.uniform(0.6, 3.0)),
                ]
            )
        return {"sections": sections}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Filter with the drawn sections (minimum phase, as devices are)."""
        sections = np.stack([biquad(k, f, g, q) for k, f, g, q in params["sections"]])
        return np.asarray(sosfilt(sections, samples), dtype=np.float32)

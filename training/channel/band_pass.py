"""Telephone band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform


@dataclass(frozen=True, eq=False, kw_only=True)
class BandPass(Transform):
    """Butterworth band-pass with random edges around the 300-3400 Hz of the telephone network.

    Attributes:
        low: range of the lower edge in Hz.
        high: range of the upper edge in Hz.
    """

    low: tuple[float, float] = (80.0, 400.0)
    high: tuple[float, float] = (3000.0, 3800.0)

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw edges (Hz) and filter order per edge."""
        return {
            "low_hz": float(rng.uniform(*self.low)),
            "high_hz": float(rng.uniform(*self.high)),
            "order": int(rng.integers(2, 6)),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Filter (causal, as channel filters are)."""
        edges = (params["low_hz"], params["high_hz"])
        sections = butter(params["order"], edges, "bandpass", fs=SAMPLE_RATE, output="sos")
        return np.asarray(sosfilt(sections, samples), dtype=np.float32)

"""Overdriven microphones and lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringtrue.training.channel.base import Params, Samples, Transform


@dataclass(frozen=True, eq=False, kw_only=True)
class Clipping(Transform):
    """Hard or soft limiting of the highest peaks.

    Attributes:
        max_db: largest distance in dB of the limit below the signal's peak.
    """

    max_db: float = 10.0

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the depth (dB) and the shape."""
        return {"depth_db": float(rng.uniform(1.0, self.max_db)), "soft": bool(rng.random() < 0.5)}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Limit at the peak minus ``depth_db``; soft limiting follows tanh."""
        peak = float(np.max(np.abs(samples)))
        if peak == 0.0:
            return samples
        limit = np.float32(max(peak * 10 ** (-params["depth_db"] / 20), 1e-12))
        if params["soft"]:
            return np.asarray(limit * np.tanh(samples / limit), dtype=np.float32)
        return np.clip(samples, -limit, limit)

"""Playing speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform, fit_length


@dataclass(frozen=True, eq=False, kw_only=True)
class Speed(Transform):
    """Faster or slower by resampling, which moves pitch and formants too.

    The only transform that changes pitch and the position of words in time. The length stays: a
    faster clip ends in silence, a slower one is cut at its end. Label frames after this transform.

    Attributes:
        low, high: range of the speed factor (1.1: 10 % faster).
    """

    low: float = 0.92
    high: float = 1.08

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the factor."""
        return {"factor": round(float(rng.uniform(self.low, self.high)), 3)}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Resample."""
        changed = soxr.resample(samples, SAMPLE_RATE * params["factor"], SAMPLE_RATE, "LQ")
        return fit_length(changed, len(samples))

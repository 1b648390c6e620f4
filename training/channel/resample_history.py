"""Sample rates a recording went through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform, fit_length


@dataclass(frozen=True, eq=False, kw_only=True)
class ResampleHistory(Transform):
    """To another sample rate and back, with filters from steep to poor.

    Attributes:
        rates: rates in Hz to choose from; those below 8000 narrow the band.
    """

    rates: tuple[int, ...] = (6000, 6400, 7000, 7350, 11025, 16000, 22050)

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the rate and the quality of each conversion (soxr's QQ, LQ, MQ, HQ)."""
        qualities = ("QQ", "LQ", "MQ", "HQ")
        return {
            "rate": int(self.rates[int(rng.integers(len(self.rates)))]),
            "to": qualities[int(rng.integers(4))],
            "back": qualities[int(rng.integers(4))],
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Convert there and back."""
        other = soxr.resample(samples, SAMPLE_RATE, params["rate"], params["to"])
        back = soxr.resample(other, params["rate"], SAMPLE_RATE, params["back"])
        return fit_length(back, len(samples))

"""One line for recordings of unlike origin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.signal import firwin, oaconvolve

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform
from ringtrue.training.channel.g711 import round_trip_table, to_int16
from ringtrue.training.channel.levels import scale_to_active

TARGET_DBFS: Final = -26.0
_TAPS: Final = 257


@cache
def _kernel() -> Samples:
    taps = firwin(_TAPS, (300.0, 3400.0), pass_zero=False, fs=SAMPLE_RATE, window=("kaiser", 6.0))
    return np.asarray(taps, dtype=np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Harmonise(Transform):
    """300-3400 Hz band-pass (linear phase, delay removed), active level -26 dBFS, mu-law.

    Deterministic. Takes differences of band, level and quantisation between recording chains away
    before real phone recordings are compared. Digital silence stays silent.
    """

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """No parameters."""
        return {}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Filter, set the level, code."""
        half = _TAPS // 2
        band = oaconvolve(samples, _kernel())[half : half + len(samples)].astype(np.float32)
        levelled = scale_to_active(band, TARGET_DBFS)
        return round_trip_table("mulaw")[to_int16(levelled).astype(np.int32) + 32768]

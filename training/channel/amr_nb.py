"""AMR narrow band, the speech codec of GSM and 3G mobile calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrue.training.channel.av_codec import CodecSpec, round_trip
from ringtrue.training.channel.base import Params, Samples, Transform

BIT_RATES: Final = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)


@dataclass(frozen=True, eq=False, kw_only=True)
class AmrNb(Transform):
    """One pass of AMR-NB (3GPP TS 26.071), through opencore-amr.

    Attributes:
        bit_rates: bit/s to choose from, of ``BIT_RATES``.
        dtx: probability of discontinuous transmission (TS 26.093: comfort noise in pauses).
    """

    bit_rates: tuple[int, ...] = BIT_RATES
    dtx: float = 0.3

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw bit rate and discontinuous transmission."""
        rate = self.bit_rates[int(rng.integers(len(self.bit_rates)))]
        return {"bit_rate": int(rate), "dtx": bool(rng.random() < self.dtx)}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; ValueError where FFmpeg lacks libopencore_amrnb."""
        spec = CodecSpec(
            name=f"AMR-NB {params['bit_rate']}",
            encoder="libopencore_amrnb",
            decoder="libopencore_amrnb",
            bit_rate=params["bit_rate"],
            options=(("dtx", "1" if params["dtx"] else "0"),),
        )
        return round_trip(samples, spec)

"""ITU-T G.723.1 (early VoIP and international trunks)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringtrue.training.channel.av_codec import CodecSpec, round_trip
from ringtrue.training.channel.base import Params, Samples, Transform


@dataclass(frozen=True, eq=False, kw_only=True)
class G7231(Transform):
    """One pass of G.723.1 MP-MLQ at 6.3 kbit/s, the only rate FFmpeg encodes."""

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """No parameters."""
        return {"bit_rate": 6300}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; ValueError if FFmpeg fails."""
        spec = CodecSpec(
            name="G.723.1 6300", encoder="g723_1", decoder="g723_1", bit_rate=params["bit_rate"]
        )
        return round_trip(samples, spec)

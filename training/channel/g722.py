"""ITU-T G.722 wideband, as heard on a narrow-band line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from ringtrue.training.channel.av_codec import CodecSpec, round_trip
from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform, fit_length

_RATE = 2 * SAMPLE_RATE


@dataclass(frozen=True, eq=False, kw_only=True)
class G722(Transform):
    """One pass of G.722 at 64 kbit/s: up to 16 kHz, sub-band ADPCM, back to 8 kHz."""

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """No parameters."""
        return {"bit_rate": 64000}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; ValueError if FFmpeg fails."""
        spec = CodecSpec(
            name="G.722",
            encoder="g722",
            decoder="g722",
            sample_rate=_RATE,
            bit_rate=params["bit_rate"],
        )
        wide = soxr.resample(samples, SAMPLE_RATE, _RATE, "MQ")
        return fit_length(
            soxr.resample(round_trip(wide, spec), _RATE, SAMPLE_RATE, "MQ"), len(samples)
        )

"""ITU-T G.726 ADPCM (DECT, undersea trunks, some VoIP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrue.training.channel.av_codec import CodecSpec, round_trip
from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform

BIT_RATES: Final = (16000, 24000, 32000, 40000)


@dataclass(frozen=True, eq=False, kw_only=True)
class G726(Transform):
    """One pass of G.726.

    Attributes:
        bit_rates: bit/s to choose from, of ``BIT_RATES``; 32 kbit/s twice as likely as others.
    """

    bit_rates: tuple[int, ...] = (16000, 24000, 32000, 32000, 40000)

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the bit rate."""
        return {"bit_rate": int(self.bit_rates[int(rng.integers(len(self.bit_rates)))])}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; ValueError if FFmpeg fails."""
        rate = params["bit_rate"]
        spec = CodecSpec(
            name=f"G.726 {rate}",
            encoder="g726",
            decoder="g726",
            bit_rate=rate,
            demuxer="g726",
            # The decoder learns the bits per sample from the demuxer only.
            demuxer_options=(("code_size", str(rate // 8000)), ("sample_rate", str(SAMPLE_RATE))),
        )
        return round_trip(samples, spec)

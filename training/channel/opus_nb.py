"""Opus narrow band (WebRTC and messenger calls)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrue.training.channel.av_codec import CodecSpec, round_trip
from ringtrue.training.channel.base import Params, Samples, Transform

BIT_RATES: Final = (6000, 8000, 10000, 12000, 16000, 20000, 24000)


@dataclass(frozen=True, eq=False, kw_only=True)
class OpusNb(Transform):
    """One pass of Opus (RFC 6716) with 8 kHz input.

    Attributes:
        bit_rates: bit/s to choose from.
    """

    bit_rates: tuple[int, ...] = BIT_RATES

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw bit rate, frame length (ms) and mode (``voip`` or ``audio``)."""
        return {
            "bit_rate": int(self.bit_rates[int(rng.integers(len(self.bit_rates)))]),
            "frame_ms": int(rng.choice([20, 40, 60], p=[0.6, 0.2, 0.2])),
            "application": "voip" if rng.random() < 0.8 else "audio",
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; ValueError if FFmpeg lacks libopus."""
        spec = CodecSpec(
            name=f"Opus {params['bit_rate']}",
            encoder="libopus",
            decoder="libopus",
            bit_rate=params["bit_rate"],
            options=(
                ("application", params["application"]),
                ("frame_duration", str(params["frame_ms"])),
                # Complexity 2 halves the encoding time; phones use low ones too.
                ("compression_level", "2"),
            ),
            # FFmpeg decodes at 48 kHz; the narrow-band content needs no filter before decimation.
            decimate=6,
        )
        return round_trip(samples, spec)

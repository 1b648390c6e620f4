"""Noise suppression as calls have it: that of WebRTC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform, fit_length

_RATE = 16000
_FRAME = _RATE // 100
_DELAY = 48
"""Samples at 8 kHz that processing takes, 6 ms; measured by cross-correlation with the input."""


@dataclass(frozen=True, eq=False, kw_only=True)
class WebRtcSuppression(Transform):
    """The WebRTC audio processing module (package ``webrtc-noise-gain``): high-pass, suppression.

    It follows the noise and damps it by a Wiener filter per band, without looking ahead, as apps
    and handsets do. Recorded voices become as dry and quiet in the pauses as synthetic ones.
    """

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the level of suppression, 1 (6 dB) to 4 (21 dB)."""
        return {"level": int(rng.integers(1, 5))}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Suppress at 16 kHz, in blocks of 10 ms; the delay is taken out."""
        from webrtc_noise_gain import AudioProcessor

        processor = AudioProcessor(0, params["level"])
        wide = soxr.resample(np.append(samples, np.zeros(_DELAY, np.float32)), SAMPLE_RATE, _RATE)
        blocks = -(-len(wide) // _FRAME)
        pcm = np.rint(np.clip(fit_length(wide, blocks * _FRAME), -1, 1) * 32767).astype("<i2")
        heard = b"".join(
            bytes(processor.Process10ms(block.tobytes()).audio)
            for block in pcm.reshape(blocks, _FRAME)
        )
        quiet = np.frombuffer(heard, "<i2").astype(np.float32) / np.float32(32768)
        return fit_length(soxr.resample(quiet, _RATE, SAMPLE_RATE)[_DELAY:], len(samples))

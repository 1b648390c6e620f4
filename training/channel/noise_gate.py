"""Noise gate: attenuates pauses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.levels import active_power, frame_powers, smooth_gain

_FRAME = 80


@dataclass(frozen=True, eq=False, kw_only=True)
class NoiseGate(Transform):
    """Attenuate 10 ms frames below a threshold relative to the active level, with hold time."""

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw threshold (dB re active level), attenuation (dB) and hold (frames of 10 ms)."""
        return {
            "threshold_db": float(rng.uniform(-40.0, -18.0)),
            "attenuation_db": float(rng.uniform(6.0, 50.0)),
            "hold": int(rng.integers(3, 30)),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Gate; opening starts 10 ms ahead, closing waits for the hold time."""
        powers = frame_powers(samples, _FRAME)
        threshold = active_power(samples) * 10 ** (params["threshold_db"] / 10)
        hold = params["hold"]
        # A window over the past `hold` frames and one ahead keeps the gate open after speech.
        opened = maximum_filter1d(
            (powers > threshold).astype(np.int8), hold + 2, origin=hold // 2, mode="constant"
        )
        gains = np.where(opened > 0, 1.0, 10 ** (-params["attenuation_db"] / 20))
        return samples * smooth_gain(gains, len(samples), _FRAME)

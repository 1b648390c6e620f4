"""Automatic gain control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.levels import active_power, frame_powers, smooth_gain


@dataclass(frozen=True, eq=False, kw_only=True)
class AutomaticGain(Transform):
    """Slow gain towards a constant level; strength 1 levels fully, 0 not at all."""

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw time constant (s), strength and largest boost or cut (dB)."""
        return {
            "seconds": float(rng.uniform(0.15, 1.5)),
            "strength": float(rng.uniform(0.3, 1.0)),
            "max_db": float(rng.uniform(4.0, 15.0)),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Apply the gain; pauses raise the gain only up to ``max_db``."""
        reference = active_power(samples)
        if reference <= 0:
            return samples
        powers = frame_powers(samples)
        keep = float(np.exp(-0.02 / params["seconds"]))
        state = [keep * reference]
        smooth, _ = lfilter([1 - keep], [1.0, -keep], powers, zi=state)
        gain_db = -params["strength"] * 10 * np.log10(np.maximum(smooth / reference, 1e-6))
        gains = 10 ** (np.clip(gain_db, -params["max_db"], params["max_db"]) / 20)
        levelled = samples * smooth_gain(gains, len(samples))
        return np.asarray(np.clip(levelled, -1.0, 1.0), dtype=np.float32)

"""Comfort noise in place of pauses, as discontinuous transmission makes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.levels import active_power, frame_powers, smooth_gain


@dataclass(frozen=True, eq=False, kw_only=True)
class ComfortNoise(Transform):
    """Replace pauses by noise of the pauses' own level, or of a fixed one, and a random colour.

    Follows the behaviour of G.711 Appendix II (RFC 3389) receivers: the level is transmitted, the
    spectrum only roughly; speech frames and a hangover stay untouched.
    """

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw threshold (dB re active level), hangover (20 ms frames), level, colour and seed."""
        return {
            "threshold_db": float(rng.uniform(-35.0, -20.0)),
            "hangover": int(rng.integers(2, 12)),
            "level_dbfs": float(rng.uniform(-70.0, -45.0)) if rng.random() < 0.5 else None,
            "pole": float(rng.uniform(-0.3, 0.9)),
            "seed": int(rng.integers(2**31)),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Crossfade to comfort noise wherever the signal stays below the threshold."""
        powers = frame_powers(samples)
        speech = active_power(samples)
        active = powers > speech * 10 ** (params["threshold_db"] / 10)
        hangover = params["hangover"]
        kept = maximum_filter1d(
            active.astype(np.int8), hangover + 2, origin=hangover // 2, mode="constant"
        )
        pauses = powers[kept == 0]
        if not len(pauses):
            return samples
        if params["level_dbfs"] is None:
            level = float(np.median(pauses))
        else:
            # Comfort noise is never louder than 20 dB below the speech.
            level = min(10 ** (params["level_dbfs"] / 10), speech / 100 or 1e-6)
        white = np.random.default_rng(params["seed"]).standard_normal(len(samples))
        pole = params["pole"]
        filtered = lfilter([np.sqrt(1 - pole**2)], [1.0, -pole], white)
        noise: Samples = np.asarray(filtered, dtype=np.float32)
        keep = smooth_gain(kept.astype(np.float64), len(samples))
        return samples * keep + noise * np.float32(np.sqrt(level)) * (1 - keep)

"""Noise suppression of handsets and gateways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.stft import analyse, synthesise


@dataclass(frozen=True, eq=False, kw_only=True)
class NoiseSuppression(Transform):
    """Spectral gating: bins near the noise floor are damped, pauses most of all.

    Power spectral subtraction (Boll 1979; Berouti 1979) with the noise floor taken as a low
    percentile over time of the smoothed power in each bin.
    """

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw over-subtraction, largest attenuation (dB), percentile and smoothing (frames)."""
        return {
            "over": float(rng.uniform(1.0, 4.0)),
            "attenuation_db": float(rng.uniform(6.0, 30.0)),
            "percentile": float(rng.uniform(5.0, 20.0)),
            "smooth": int(rng.integers(1, 5)),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Suppress; gains lie between ``-attenuation_db`` and 0 dB."""
        spectra = analyse(samples)
        power = np.square(spectra.real) + np.square(spectra.imag)
        smooth = uniform_filter(power, size=(params["smooth"], 3), mode="nearest")
        rank = int((len(smooth) - 1) * params["percentile"] / 100)
        floor = np.partition(smooth, rank, axis=0)[rank]
        share = params["over"] * floor / np.maximum(smooth, 1e-20)
        lowest = 10 ** (-params["attenuation_db"] / 20)
        gains = np.maximum(np.sqrt(np.clip(1 - share, 0, 1)), lowest).astype(np.float32)
        return synthesise(spectra * gains, len(samples))

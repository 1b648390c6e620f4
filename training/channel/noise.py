"""Background and line noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.generated_noise import NOISE_KINDS, generate_noise
from ringtrue.training.channel.levels import active_power


@dataclass(frozen=True, eq=False, kw_only=True)
class Noise(Transform):
    """Mix noise at a random ratio to the active speech level, continuing through pauses.

    Recorded noise starts at a random place and is looped; generated noise is white, pink, brown
    or mains hum. The ratio is drawn from a triangular distribution, so that very noisy lines are
    rare.

    Attributes:
        noises: recorded noises at 8 kHz, mono float32.
        snr: lowest, most likely and highest signal-to-noise ratio in dB.
        generated: probability of generated instead of recorded noise.
    """

    noises: Sequence[Samples] = field(default=(), repr=False)
    snr: tuple[float, float, float] = (5.0, 22.0, 38.0)
    generated: float = 0.3

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw kind, place and ratio."""
        snr = float(rng.triangular(*self.snr))
        if not self.noises or rng.random() < self.generated:
            kind = str(rng.choice(NOISE_KINDS, p=[0.25, 0.4, 0.2, 0.15]))
            return {"kind": kind, "seed": int(rng.integers(2**31)), "snr_db": snr}
        return {
            "kind": "recorded",
            "index": int(rng.integers(len(self.noises))),
            "start": float(rng.random()),
            "snr_db": snr,
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Add the noise. Silence gets noise at -60 dBFS, so that it is no exception."""
        if params["kind"] == "recorded":
            source = self.noises[params["index"]]
            noise = _loop(source, int(params["start"] * len(source)), len(samples))
        else:
            generator = np.random.default_rng(params["seed"])
            noise = generate_noise(params["kind"], len(samples), generator)
        power = float(np.mean(np.square(noise, dtype=np.float64)))
        if power <= 0:
            return samples
        target = active_power(samples) / 10 ** (params["snr_db"] / 10) or 1e-6
        return samples + noise * np.float32(np.sqrt(target / power))


def _loop(source: Samples, start: int, length: int) -> Samples:
    """``length`` samples of ``source`` from ``start``, repeated from its beginning as needed."""
    repeats = (start + length) // max(len(source), 1) + 1
    return np.tile(source, repeats)[start : start + length]

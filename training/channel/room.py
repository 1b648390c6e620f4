"""Room between mouth and microphone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import oaconvolve

from ringtrue.training.channel.base import Params, Samples, Transform


@dataclass(frozen=True, eq=False, kw_only=True)
class Room(Transform):
    """Convolution with a random room impulse response, the direct path kept in place.

    Attributes:
        rirs: impulse responses at 8 kHz, mono float32.
        wet: range of the factor on everything but the direct path (1: the room as recorded).
    """

    rirs: Sequence[Samples] = field(default=(), repr=False)
    wet: tuple[float, float] = (0.3, 1.0)

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the room and the wet share; without rooms nothing is applied."""
        wet = float(rng.uniform(*self.wet))
        index = int(rng.integers(len(self.rirs))) if self.rirs else -1
        return {"rir": index, "wet": wet}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Direct sound plus ``wet`` times the rest, at the level of the input."""
        if params["rir"] < 0:
            return samples
        rir = self.rirs[params["rir"]]
        direct = int(np.argmax(np.abs(rir)))
        peak = float(rir[direct])
        if peak == 0.0:
            return samples
        kernel = rir * np.float32(params["wet"] / peak)
        kernel[direct] = 1.0
        full = oaconvolve(samples, kernel)
        wet: Samples = np.asarray(full[direct : direct + len(samples)], dtype=np.float32)
        before = float(np.dot(samples, samples))
        after = float(np.dot(wet, wet))
        return wet * np.float32(np.sqrt(before / after)) if after > 0 else wet

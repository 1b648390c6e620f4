"""Level of the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.levels import scale_to_active


@dataclass(frozen=True, eq=False, kw_only=True)
class Gain(Transform):
    """Set the active level to a random value in dBFS, uniform between ``low`` and ``high``."""

    low: float = -36.0
    high: float = -16.0

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the level."""
        return {"level_dbfs": float(rng.uniform(self.low, self.high))}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Scale; peaks clip at full scale."""
        return scale_to_active(samples, params["level_dbfs"])

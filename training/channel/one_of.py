"""A weighted choice between transforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ringtrue.training.channel.base import Applied, Params, Samples, Transform


@dataclass(frozen=True, eq=False)
class OneOf(Transform):
    """Exactly one of ``options``, drawn with ``weights`` (equal when empty).

    The options' own ``p`` is ignored: a chosen option is always applied.

    Raises:
        ValueError: no options, or weights that do not fit them.
    """

    options: Sequence[Transform] = field(default=())
    weights: Sequence[float] = field(default=())

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.options:
            raise ValueError("OneOf: expected at least one option, got none")
        if self.weights and (len(self.weights) != len(self.options) or min(self.weights) < 0):
            raise ValueError(
                f"OneOf: expected {len(self.options)} weights >= 0, got {list(self.weights)}"
            )
        if self.weights and sum(self.weights) <= 0:
            raise ValueError("OneOf: expected a positive sum of weights")

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the option and its parameters."""
        weights = np.asarray(self.weights or [1.0] * len(self.options), dtype=float)
        index = int(rng.choice(len(self.options), p=weights / weights.sum()))
        return {"index": index, "params": self.options[index].randomize(samples, rng)}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Apply the drawn option."""
        return self.options[params["index"]].apply(samples, params["params"])

    def flatten(self, params: Params) -> tuple[Applied, ...]:
        """The steps of the drawn option."""
        return self.options[params["index"]].flatten(params["params"])

"""Lost packets and their concealment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringtrue.training.channel.base import Params, Samples, Transform
from ringtrue.training.channel.levels import FRAME


@dataclass(frozen=True, eq=False, kw_only=True)
class PacketLoss(Transform):
    """Drop frames of 20 ms in bursts (Gilbert 1960) and conceal them.

    Concealment repeats the last received frame, fading (in the manner of G.711 Appendix I,
    without its pitch search), or leaves zeros.

    Attributes:
        loss: range of the share of lost frames, 0...1.
        zero: probability of zeros instead of repetition.
    """

    loss: tuple[float, float] = (0.005, 0.06)
    zero: float = 0.25

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the lost frames (indices), the concealment and its fade per frame."""
        loss = float(rng.uniform(*self.loss))
        burst = float(rng.uniform(1.0, 3.0))
        leave = 1.0 / burst
        enter = min(leave * loss / (1.0 - loss), 1.0)
        lost: list[int] = []
        bad = False
        for index, draw in enumerate(rng.random(-(-len(samples) // FRAME))):
            bad = bool(draw >= leave) if bad else bool(draw < enter)
            if bad:
                lost.append(index)
        return {
            "lost": lost,
            "zero": bool(rng.random() < self.zero),
            "fade": float(rng.uniform(0.5, 0.9)),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Conceal the lost frames; the first repetition has full level."""
        result = samples.copy()
        gain = 1.0
        previous = -2
        for index in params["lost"]:
            start = index * FRAME
            frame = result[start : start + FRAME]
            gain = gain * params["fade"] if index == previous + 1 else 1.0
            previous = index
            if params["zero"] or start < FRAME:
                frame[:] = 0.0
            else:
                # The preceding frame is already concealed within a burst, hence one fade each.
                step = np.float32(params["fade"] if gain < 1.0 else 1.0)
                frame[:] = result[start - FRAME : start][: len(frame)] * step
        return result

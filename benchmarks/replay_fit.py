"""What a match inside a call says: bar and likelihood ratio of its score, fitted to dev calls.

The score of a match is kept as it is; what is fitted is how often calls reach it. Calls of people
reach high scores less and less often: above the score that one call in ten exceeds, excesses
are taken as exponential (a generalised Pareto tail of shape 0, which calls without a true repeat
support and which a sample of 1,000 cannot tell from a slightly lighter one). Calls with a true
repeat spread about evenly between their 5th and 95th percentile. The ratio of both densities is a
straight line in the score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

TAIL: float = 0.1
"""Share of the calls of people whose highest scores make the tail."""


@dataclass(frozen=True)
class Fit:
    """Constants of ``inference/replay/likelihood.py`` and what they rest on.

    Attributes:
        calls: calls of people.
        start: score at which the tail begins.
        scale: mean excess above it; 1 / scale is the slope of the likelihood ratio.
        scale_upper: upper end of the scale's 95 % bootstrap interval over calls.
        spread: (5th, 95th) percentile of the scores of true repeats.
        bar: score that 1 call of people in 1,000 reaches, with the upper end of the scale.
        base: likelihood ratio (natural log) of a match at the bar.
        measured: likelihood ratio at the highest score of a call of a person; what lies above
            rests on the shape of the tail.
    """

    calls: int
    start: float
    scale: float
    scale_upper: float
    spread: tuple[float, float]
    bar: float
    base: float
    measured: float

    @property
    def slope(self) -> float:
        """Likelihood ratio per unit of score."""
        return 1.0 / self.scale_upper

    def llr(self, score: float) -> float:
        """Likelihood ratio of a score, without a cap."""
        return self.base + self.slope * (score - self.bar)


def fit(people: Sequence[float], repeats: Sequence[float], rate: float = 0.001) -> Fit:
    """Fit to the highest score of each call; calls without a candidate have -inf.

    Args:
        people: one score per call of a person.
        repeats: one score per call in which a clip is heard twice.
        rate: share of the calls of people that may have a match.

    Raises:
        ValueError: less than 10 scores in the tail.
    """
    scores = np.sort(np.asarray(people, np.float64))
    found = np.asarray(repeats, np.float64)
    found = found[np.isfinite(found)]
    start, scale = _tail(scores)
    rng = np.random.default_rng(0)
    drawn = [_tail(np.sort(rng.choice(scores, len(scores))))[1] for _ in range(2000)]
    upper = float(np.percentile(drawn, 95))
    low, high = (float(np.percentile(found, q)) for q in (5, 95))
    even = math.log(0.9 / (high - low))

    def llr(score: float) -> float:
        return even - math.log(TAIL / upper) + (score - start) / upper

    bar = start + upper * math.log(TAIL / rate)
    return Fit(len(scores), start, scale, upper, (low, high), bar, llr(bar), llr(float(scores[-1])))


def _tail(scores: Scores) -> tuple[float, float]:
    """Where the tail of sorted scores begins, and its mean excess."""
    count = round(TAIL * len(scores))
    if count < 10 or not np.isfinite(scores[-count - 1]):
        raise ValueError(f"expected 10 or more finite scores in the tail, got {count} of calls")
    start = float(scores[-count - 1])
    return start, float(np.mean(scores[-count:] - start))

"""What a match inside a call says: bar and likelihood ratio of its score, fitted to dev calls.

The score of a match is kept as it is; what is fitted is how often calls reach it. Calls of people
reach high scores less and less often: above the score that one call in twenty exceeds, excesses
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
from scipy.stats import chi2

Scores = npt.NDArray[np.float64]

TAIL: float = 0.05
"""Share of the calls of people whose highest scores make the tail."""


@dataclass(frozen=True)
class Fit:
    """A line for the likelihood ratio, and what it rests on.

    Attributes:
        calls: calls of people.
        start: score at which the tail begins.
        scale: mean excess above it.
        scale_upper: upper end of the scale's 90 % interval, exact for independent calls; the line
            is made with it, so that it promises less rather than more.
        spread: (5th, 95th) percentile of the scores of true repeats.
        rate: share of the calls of people that reach the bar, by the tail with ``scale``.
        base: likelihood ratio (natural log) at the bar.
        slope: likelihood ratio per unit of score.
        measured: likelihood ratio at the highest score of a call of a person; what lies above
            rests on the shape of the tail.
    """

    calls: int
    start: float
    scale: float
    scale_upper: float
    spread: tuple[float, float]
    rate: float
    base: float
    slope: float
    measured: float


def fit(people: Sequence[float], repeats: Sequence[float], bar: float) -> Fit:
    """Fit to the highest score of each call; calls without a candidate have -inf.

    Args:
        people: one score per call of a person.
        repeats: one score per call in which a clip is heard twice.
        bar: score from which a match is told, above the start of the tail.

    Raises:
        ValueError: less than 10 scores in the tail.
    """
    scores = np.sort(np.asarray(people, np.float64))
    found = np.asarray(repeats, np.float64)
    found = found[np.isfinite(found)]
    start, scale = _tail(scores)
    # Twice the sum of k exponential excesses has the chi-square distribution of 2 k degrees.
    count = round(TAIL * len(scores))
    upper = float(2 * count * scale / chi2.ppf(0.05, 2 * count))
    low, high = (float(np.percentile(found, q)) for q in (5, 95))

    def llr(score: float) -> float:
        return math.log(0.9 / (high - low)) - math.log(TAIL / upper) + (score - start) / upper

    return Fit(
        calls=len(scores),
        start=start,
        scale=scale,
        scale_upper=upper,
        spread=(low, high),
        rate=TAIL * math.exp(-(bar - start) / scale),
        base=llr(bar),
        slope=1.0 / upper,
        measured=llr(float(scores[-1])),
    )


def _tail(scores: Scores) -> tuple[float, float]:
    """Where the tail of sorted scores begins, and its mean excess."""
    count = round(TAIL * len(scores))
    if count < 10 or not np.isfinite(scores[-count - 1]):
        raise ValueError(f"expected 10 or more finite scores in the tail, got {count} of calls")
    start = float(scores[-count - 1])
    return start, float(np.mean(scores[-count:] - start))

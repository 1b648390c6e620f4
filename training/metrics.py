"""Detection metrics with bootstrap intervals over speakers and systems.

Labels are 1 for robot and 0 for human; higher scores mean robot. Threshold metrics and costs:

- EER, AUC, TPR at a false positive rate: from the empirical curve.
- DCF: the costs of ASVspoof 5 track 1 (Wang et al., 2024): a robot prior of 0.05, cost 1 for a
  human taken for a robot, cost 10 for a missed robot; normalised by the cheaper constant decision.
- Cllr and its minimum over monotone transforms: Brümmer and du Preez (2006), by pool adjacent
  violators.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

ROBOT_PRIOR = 0.05
FALSE_FLAG_COST = 1.0
MISS_COST = 10.0
BAYES_THRESHOLD = math.log(FALSE_FLAG_COST * (1 - ROBOT_PRIOR) / (MISS_COST * ROBOT_PRIOR))
"""LLR at or above which flagging is the cheaper decision at these costs (0.642)."""

METRICS = ("eer", "auc", "tpr_at_1", "tpr_at_01", "min_dcf", "act_dcf", "cllr", "min_cllr")
FEWEST_SYSTEMS = 5


@dataclass(frozen=True)
class Estimate:
    """A measured value and its 95 % bootstrap interval (NaN bounds where there is none)."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Curve:
    """Error rates of every decision "robot at or above t", for rising t, both [k].

    Attributes:
        false_flags: share of humans at or above the threshold, from 1 down to 0.
        misses: share of robots below the threshold, from 0 up to 1.
    """

    false_flags: Array
    misses: Array


def curve(scores: ArrayLike, labels: ArrayLike) -> Curve:
    """The error curve of a set of trials.

    Raises:
        ValueError: shapes differ, a score is NaN, or one class is missing.
    """
    score, robot = _checked(scores, labels)
    false_flags, misses = _rates(score, robot, np.ones((1, len(score))))
    return Curve(false_flags[0], misses[0])


def eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate, 0…1, interpolated between the two points around the crossing."""
    return _single(scores, labels, "eer")


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve, 0…1: chance that a robot scores above a human."""
    return _single(scores, labels, "auc")


def tpr_at_fpr(scores: ArrayLike, labels: ArrayLike, fpr: float) -> float:
    """Share of robots found by the lowest threshold that flags at most ``fpr`` of the humans."""
    points = curve(scores, labels)
    return float(_tpr(points.false_flags[None], points.misses[None], fpr)[0])


def min_dcf(scores: ArrayLike, labels: ArrayLike) -> float:
    """Detection cost at the best threshold; 1 is what a constant decision costs."""
    return _single(scores, labels, "min_dcf")


def act_dcf(scores: ArrayLike, labels: ArrayLike) -> float:
    """Detection cost at the Bayes threshold of calibrated LLRs; 1 is a constant decision."""
    return _single(scores, labels, "act_dcf")


def cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Cost of the LLRs in bits: 0 is perfect, 1 says nothing, above 1 misleads."""
    return _single(scores, labels, "cllr")


def min_cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Cllr after the best monotone transform: what calibration could reach."""
    from sklearn.isotonic import IsotonicRegression

    score, robot = _checked(scores, labels)
    # Each class gets weight 1/2, so that the posterior's log odds are the LLR.
    weight = np.where(robot, 0.5 / robot.sum(), 0.5 / (~robot).sum())
    fit = IsotonicRegression(y_min=0, y_max=1).fit(score, robot.astype(float), weight)
    posterior = fit.predict(score)
    right = np.where(robot, posterior, 1 - posterior)
    return float(np.sum(weight * -np.log2(np.maximum(right, np.finfo(float).tiny))))


def measure(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str] | None = None,
    replicates: int = 500,
    rng: np.random.Generator | None = None,
) -> dict[str, Estimate]:
    """All metrics of :data:`METRICS` with 95 % percentile bootstrap intervals.

    Whole groups are drawn with replacement, humans and robots apart, because trials of one speaker
    or one system are not independent (Efron and Tibshirani, 1993, cluster bootstrap).

    Args:
        scores: [n], higher means robot; LLRs for ``cllr`` and ``act_dcf`` to mean anything.
        labels: [n], 1 robot, 0 human.
        groups: [n] names; without them, or with one group of a class, there are no intervals.
        replicates: bootstrap draws.
        rng: needed with groups.

    Raises:
        ValueError: see :func:`curve`; or groups without ``rng``.
    """
    score, robot = _checked(scores, labels)
    values = _all(score, robot, np.ones((1, len(score))))
    result = {name: Estimate(float(value[0])) for name, value in values.items()}
    result["min_cllr"] = Estimate(min_cllr(score, robot))
    if groups is None:
        return result
    if rng is None:
        raise ValueError("expected a random generator for the bootstrap, got none")
    weights = bootstrap_weights(groups, robot, replicates, rng)
    if weights is None:
        return result
    for name, draws in _all(score, robot, weights).items():
        low, high = np.quantile(draws, (0.025, 0.975))
        result[name] = Estimate(result[name].value, float(low), float(high))
    return result


def bootstrap_weights(
    groups: Sequence[str], labels: ArrayLike, replicates: int, rng: np.random.Generator
) -> Array | None:
    """How often each trial counts in each draw of groups: [replicates, n].

    None if a class has a single group: then nothing can be said about other groups.
    """
    robot = np.asarray(labels, bool)
    weights = np.zeros((replicates, len(robot)))
    for of_class in (robot, ~robot):
        _, member = np.unique(np.asarray(groups, object)[of_class].astype(str), return_inverse=True)
        count = int(member.max()) + 1
        if count < 2:
            return None
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=replicates)
        weights[:, of_class] = drawn[:, member]
    return weights


def bootstrap_groups(
    groups: Sequence[str], systems: Sequence[str], labels: ArrayLike
) -> tuple[list[str], str]:
    """The groups to resample and a sentence that says which.

    Speakers or recordings for humans; systems for robots, or their voices and recordings where
    there are fewer than :data:`FEWEST_SYSTEMS` systems, too few to resample.
    """
    robot = np.asarray(labels, bool)
    found = {s for s, is_robot in zip(systems, robot, strict=True) if is_robot}
    by_system = len(found) >= FEWEST_SYSTEMS
    unit = "systems" if by_system else "voices or recordings"
    chosen = [
        s if is_robot and by_system else g
        for g, s, is_robot in zip(groups, systems, robot, strict=True)
    ]
    return chosen, f"speakers or recordings of humans, {unit} of robots"


def auc_draws(scores: ArrayLike, labels: ArrayLike, weights: Array) -> Array:
    """AUC under each row of :func:`bootstrap_weights`, [replicates]."""
    score, robot = _checked(scores, labels)
    return _area(*_rates(score, robot, weights))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    score = np.asarray(scores, np.float64)
    robot = np.asarray(labels).astype(bool)
    if score.ndim != 1 or score.shape != robot.shape:
        raise ValueError(
            f"expected scores and labels of one length, got {score.shape}, {robot.shape}"
        )
    if np.isnan(score).any():
        raise ValueError(f"expected scores without NaN, got {int(np.isnan(score).sum())} NaN")
    if not robot.any() or robot.all():
        raise ValueError(f"expected trials of both classes, got {len(robot)} of one")
    return score, robot


def _single(scores: ArrayLike, labels: ArrayLike, name: str) -> float:
    score, robot = _checked(scores, labels)
    return float(_all(score, robot, np.ones((1, len(score))))[name][0])


def _rates(score: Array, robot: NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
    """False-flag and miss rates [r, k + 1] of weights [r, n] at each of k distinct scores."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    # Thresholds lie at distinct scores; ``below`` is how many trials are under each.
    below = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1], True])

    def share_below(of_class: NDArray[np.bool_]) -> Array:
        summed = np.cumsum(weights[:, order] * of_class[order], axis=1)
        shares: Array = np.c_[np.zeros(len(summed)), summed][:, below] / summed[:, -1:]
        return shares

    return 1 - share_below(~robot), share_below(robot)


def _all(score: Array, robot: NDArray[np.bool_], weights: Array) -> dict[str, Array]:
    """Every metric but min_cllr for each row of weights [r, n]."""
    false_flags, misses = _rates(score, robot, weights)
    cost_flag = FALSE_FLAG_COST * (1 - ROBOT_PRIOR)
    cost_miss = MISS_COST * ROBOT_PRIOR
    scale = min(cost_flag, cost_miss)
    flagged = score >= BAYES_THRESHOLD
    wrong_flags = _mean(flagged, ~robot, weights)
    wrong_passes = _mean(~flagged, robot, weights)
    bits = np.logaddexp(0, np.where(robot, -score, score)) / math.log(2)
    return {
        "eer": _crossing(false_flags, misses),
        "auc": _area(false_flags, misses),
        "tpr_at_1": _tpr(false_flags, misses, 0.01),
        "tpr_at_01": _tpr(false_flags, misses, 0.001),
        "min_dcf": np.min(cost_flag * false_flags + cost_miss * misses, axis=1) / scale,
        "act_dcf": (cost_flag * wrong_flags + cost_miss * wrong_passes) / scale,
        "cllr": (_mean(bits, robot, weights) + _mean(bits, ~robot, weights)) / 2,
    }


def _area(false_flags: Array, misses: Array) -> Array:
    area: Array = np.asarray(-np.trapezoid(1 - misses, false_flags, axis=1))
    return area


def _mean(values: NDArray[np.generic], of_class: NDArray[np.bool_], weights: Array) -> Array:
    inside = weights[:, of_class]
    means: Array = inside @ values[of_class].astype(np.float64) / inside.sum(axis=1)
    return means


def _crossing(false_flags: Array, misses: Array) -> Array:
    difference = misses - false_flags  # rises from -1 to 1
    after = np.argmax(difference >= 0, axis=1)
    rows = np.arange(len(difference))
    low, high = difference[rows, after - 1], difference[rows, after]
    part = -low / (high - low)
    start, end = misses[rows, after - 1], misses[rows, after]
    crossing: Array = start + part * (end - start)
    return crossing


def _tpr(false_flags: Array, misses: Array, fpr: float) -> Array:
    # A hair of tolerance: 1 - 0.99 is not 0.01 in binary.
    allowed = np.where(false_flags <= fpr + 1e-12, 1 - misses, 0)
    best: Array = allowed.max(axis=1)
    return best

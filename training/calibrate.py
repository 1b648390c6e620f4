"""Calibration: from a score to a natural-log likelihood ratio, fitted on ``dev``.

LLR = scale · score + offset by logistic regression (Brümmer and du Preez, 2006) with both classes
weighing the same, within a class every condition (phone, simulated) the same, and within a
condition every source, so that neither a large source nor the many studio sources decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ringtrue.training.heard import HARMONISED, SIMULATED
from ringtrue.training.metrics import cllr, eer, min_cllr
from ringtrue.training.scoring import Samples, Trajectory
from ringtrue.training.tables import Scored, conditions, durations


@dataclass(frozen=True)
class Calibration:
    """LLR = ``scale`` · score + ``offset``."""

    scale: float
    offset: float

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Calibrated scores, natural-log likelihood ratios."""
        return self.scale * np.asarray(scores, np.float64) + self.offset

    def trajectory(self, raw: Trajectory) -> Trajectory:
        """A calibrated copy of what a model said over time."""
        llr: Samples = self(raw.voice_llr).astype(np.float32)
        return Trajectory(llr, raw.speech, raw.speech_seconds)


@dataclass(frozen=True)
class CalibrationRow:
    """Quality of the calibration for one condition and duration."""

    condition: str
    seconds: float
    humans: int
    robots: int
    eer: float
    cllr_before: float
    cllr: float
    min_cllr: float


def fit_calibration(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    conditions: Sequence[str] = (),
    ridge: float = 1e-4,
) -> Calibration:
    """The calibration of scores.

    Args:
        scores: [n], higher means robot.
        labels: [n], 1 robot, 0 human.
        groups: [n] sources; each weighs the same within its class and condition.
        conditions: [n], each weighs the same within a class; by default there is one.
        ridge: strength of the pull of ``scale`` to 0, against perfectly separated scores.

    Raises:
        ValueError: one class is missing, a score is not finite, or the scores are reversed or say
            nothing, so that no positive scale fits.
    """
    from sklearn.linear_model import LogisticRegression

    score = np.asarray(scores, np.float64)
    robot = np.asarray(labels).astype(bool)
    if not np.isfinite(score).all():
        raise ValueError("expected finite scores to calibrate, got NaN or infinity")
    if not robot.any() or robot.all():
        raise ValueError("expected scores of both classes to calibrate, got one class")
    keys = list(zip(robot.tolist(), conditions or [""] * len(robot), groups, strict=True))
    sizes = Counter(keys)
    sources = Counter(key[:2] for key in sizes)
    shares = Counter(is_robot for is_robot, _ in sources)
    weights = np.array([0.5 / shares[key[0]] / sources[key[:2]] / sizes[key] for key in keys])
    # Standardised, so that the ridge means the same for any range of scores.
    centre, spread = score.mean(), max(float(score.std()), 1e-9)
    fit = LogisticRegression(C=1 / ridge, tol=1e-8, max_iter=1000)
    fit.fit(((score - centre) / spread)[:, None], robot, sample_weight=weights)
    scale = float(fit.coef_[0, 0]) / spread
    if scale <= 0:
        raise ValueError(
            f"expected scores that are higher for robots, got a scale of {scale:.3g}; "
            "the model has not learnt, or its polarity is reversed"
        )
    return Calibration(scale, float(fit.intercept_[0]) - scale * float(centre))


def calibrate(scored: Sequence[Scored]) -> tuple[Calibration, list[CalibrationRow]]:
    """Fit on all durations of harmonised phone and simulated trials together, and say how good.

    Raises:
        ValueError: see :func:`fit_calibration`.
    """
    used = [item for item in scored if item.trial.view in (HARMONISED, SIMULATED)]
    calibration = fit_calibration(
        [item.score for item in used],
        [item.trial.robot for item in used],
        [item.trial.source for item in used],
        # Phone recordings come from few sources, and matter most.
        [item.trial.view for item in used],
    )
    rows = []
    for condition, of_condition in conditions(used).items():
        for seconds, items in durations(of_condition).items():
            raw = np.array([item.score for item in items])
            labels = np.array([item.trial.robot for item in items])
            if labels.all() or not labels.any():
                continue
            rows.append(
                CalibrationRow(
                    condition=condition,
                    seconds=seconds,
                    humans=int((~labels).sum()),
                    robots=int(labels.sum()),
                    eer=eer(raw, labels),
                    cllr_before=cllr(raw, labels),
                    cllr=cllr(calibration(raw), labels),
                    min_cllr=min_cllr(raw, labels),
                )
            )
    return calibration, rows

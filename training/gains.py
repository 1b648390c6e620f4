"""What the frame evidence counts for beside the network: chosen on dev, or an equal opinion.

The score is linear in its weight, so that two passes over dev give it for every weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ringtrue.model.detector import Detector
from ringtrue.training.metrics import auc, auc_draws, bootstrap_weights
from ringtrue.training.validation import DevSet, objective_of, score_audio

_REPLICATES = 500


@dataclass(frozen=True)
class TriedGain:
    """A weight and what it is worth on dev.

    Attributes:
        gain: weight of the frame evidence.
        objective: mean of 1 - AUC over the sets.
        error: standard error of the difference to the least objective, by a bootstrap over
            speakers and synthesizers; 0 where the sets have no groups.
        by_set: 1 - AUC of each set, by its name.
    """

    gain: float
    objective: float
    error: float
    by_set: dict[str, float]


@dataclass(frozen=True)
class ChosenGain:
    """The weight that was set, and all that were tried."""

    gain: float
    tried: tuple[TriedGain, ...]


def choose_gain(detector: Detector, sets: Sequence[DevSet], gains: Sequence[float]) -> ChosenGain:
    """Set the weight of the frame evidence to the best of ``gains`` on dev.

    What was tried tells how sure that is, and what each set says: the mean can be carried by one.

    Args:
        detector: with frame evidence.
        sets: of dev.
        gains: weights to try; none: the one with which the frame evidence spreads over the trials
            as far as the network's score, whatever the trials are (an equal opinion; no label of
            dev chooses it).
    """

    def scores(gain: float) -> list[NDArray[np.float32]]:
        with torch.no_grad():
            detector.pool.gain.fill_(gain)
        return [score_audio(detector, dev.audio) for dev in sets]

    without, full = scores(0.0), scores(1.0)
    gains = gains or [equal_gain(without, full)]
    found = {
        gain: [a + gain * (b - a) for a, b in zip(without, full, strict=True)] for gain in gains
    }
    objectives = {gain: objective_of(values, sets) for gain, values in found.items()}
    best = min(objectives, key=lambda gain: objectives[gain])
    draws = {gain: _draws(values, sets) for gain, values in found.items()}
    tried = tuple(
        TriedGain(
            gain,
            objectives[gain],
            float(np.std(draws[gain] - draws[best])),
            {dev.name: 1 - auc(v, dev.robot) for v, dev in zip(found[gain], sets, strict=True)},
        )
        for gain in gains
    )
    with torch.no_grad():
        detector.pool.gain.fill_(best)
    return ChosenGain(best, tried)


def equal_gain(
    without: Sequence[NDArray[np.float32]], full: Sequence[NDArray[np.float32]]
) -> float:
    """Weight with which frame evidence spreads as far as the network's score: an equal opinion.

    Args:
        without, full: scores at weights 0 and 1, one array per set of trials.

    Returns:
        Ratio of the standard deviations, the mean over the sets, in three digits.

    Raises:
        ValueError: the frame evidence is the same in all trials of a set.
    """
    spreads = [(float(np.std(a)), float(np.std(b - a))) for a, b in zip(without, full, strict=True)]
    if not all(frames > 0 for _, frames in spreads):
        raise ValueError("expected frame evidence that differs between trials, got the same in all")
    # Three digits, so that it can be written into a recipe.
    return float(f"{np.mean([network / frames for network, frames in spreads]):.3g}")


def _draws(scores: Sequence[NDArray[np.float32]], sets: Sequence[DevSet]) -> NDArray[np.float64]:
    """Objective in each bootstrap draw, [draws]; constant for sets without groups."""
    objective = np.zeros(_REPLICATES)
    for values, dev in zip(scores, sets, strict=True):
        # Sets of the same voices draw the same voices.
        rng = np.random.default_rng(0)
        weights = bootstrap_weights(dev.groups, dev.robot, _REPLICATES, rng) if dev.groups else None
        if weights is not None:
            objective += (1 - auc_draws(values, dev.robot, weights)) / len(sets)
    return objective

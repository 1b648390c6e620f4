"""Calibration recovers a known map, and refuses scores that say nothing."""

import numpy as np
import pytest

from ringtrue.training.calibrate import Calibration, fit_calibration
from ringtrue.training.metrics import cllr
from ringtrue.training.scoring import Trajectory


def test_recovers_a_known_map() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], 20_000)
    # Two Gaussians one apart with unit spread: their log-likelihood ratio is x - 1/2.
    llr = rng.normal(labels, 1) - 0.5
    fit = fit_calibration((llr - 2) / 3, labels, ["s"] * len(labels))
    assert fit.scale == pytest.approx(3, rel=0.05)
    assert fit.offset == pytest.approx(2, abs=0.05)
    assert cllr(fit((llr - 2) / 3), labels) == pytest.approx(cllr(llr, labels), abs=1e-3)


def test_classes_and_sources_weigh_the_same() -> None:
    rng = np.random.default_rng(5)
    scores = np.r_[rng.normal(-1, 1, 50), rng.normal(1, 1, 50), rng.normal(0, 1, 50)]
    labels = np.r_[np.zeros(50), np.ones(100)]
    groups = ["h"] * 50 + ["a"] * 50 + ["b"] * 50
    fit = fit_calibration(scores, labels, groups)
    # Ten times the trials of one source change nothing.
    repeat = np.r_[np.ones(100, int), np.full(50, 10)]
    again = fit_calibration(
        np.repeat(scores, repeat), np.repeat(labels, repeat), np.repeat(groups, repeat).tolist()
    )
    assert again.scale == pytest.approx(fit.scale, rel=0.05)
    assert again.offset == pytest.approx(fit.offset, abs=0.05)


def test_conditions_weigh_the_same_however_many_sources_they_have() -> None:
    rng = np.random.default_rng(6)
    phone, studio = rng.normal([[-3], [3]], 1, (2, 400)), rng.normal([[-0.2], [0.2]], 1, (2, 400))
    scores = np.concatenate([phone.ravel(), studio.ravel()])
    labels = np.tile(np.repeat([0, 1], 400), 2)
    conditions = ["phone"] * 800 + ["studio"] * 800
    one, many = (
        ["phone"] * 800 + [f"studio {n % sources}" for n in range(800)] for sources in (1, 8)
    )
    few = fit_calibration(scores, labels, one, conditions)
    assert fit_calibration(scores, labels, many, conditions).scale == pytest.approx(
        few.scale, rel=1e-3
    )
    # Without conditions eight noisy sources outweigh the one that is separated well.
    assert fit_calibration(scores, labels, many).scale < 0.8 * few.scale


def test_refuses_reversed_and_broken_scores() -> None:
    with pytest.raises(ValueError, match="higher for robots, got a scale of -"):
        fit_calibration([2, 1, -1, -2], [0, 0, 1, 1], ["s"] * 4)
    with pytest.raises(ValueError, match="both classes"):
        fit_calibration([2, 1], [0, 0], ["s"] * 2)
    with pytest.raises(ValueError, match="finite"):
        fit_calibration([np.inf, 1], [0, 1], ["s"] * 2)


def test_separated_scores_stay_finite() -> None:
    fit = fit_calibration([0, 0, 1, 1], [0, 0, 1, 1], ["s"] * 4)
    assert 0 < fit.scale < 100


def test_applies_to_trajectories() -> None:
    ones = np.ones(3, np.float32)
    told = Calibration(2.0, -1.0).trajectory(Trajectory(ones * 3, ones, ones))
    assert told.voice_llr.dtype == np.float32
    np.testing.assert_array_equal(told.voice_llr, [5, 5, 5])
    assert Calibration(2.0, -1.0)([1.5]).tolist() == [2.0]

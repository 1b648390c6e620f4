"""Metrics on cases counted by hand, and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ringtrue.training import metrics
from ringtrue.training.metrics import Estimate


def test_perfect_reversed_and_useless_scores() -> None:
    labels = [0, 0, 1, 1]
    assert metrics.eer([-2, -1, 1, 2], labels) == 0
    assert metrics.auc([-2, -1, 1, 2], labels) == 1
    assert metrics.min_dcf([-2, -1, 1, 2], labels) == 0
    assert metrics.min_cllr([-2, -1, 1, 2], labels) == 0
    assert metrics.eer([2, 1, -1, -2], labels) == 1
    assert metrics.auc([2, 1, -1, -2], labels) == 0
    same = [0, 0, 0, 0]
    assert metrics.eer(same, labels) == 0.5
    assert metrics.auc(same, labels) == 0.5
    assert metrics.cllr(same, labels) == 1
    assert metrics.min_cllr(same, labels) == 1
    assert metrics.min_dcf(same, labels) == 1


def test_one_error_in_four() -> None:
    scores, labels = [0, 1, 2, 5, 3, 4, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1]
    # At or above 4: one of four humans flagged, one of four robots missed.
    assert metrics.eer(scores, labels) == 0.25
    assert metrics.auc(scores, labels) == 14 / 16
    assert metrics.tpr_at_fpr(scores, labels, 0.01) == 0.5
    assert metrics.tpr_at_fpr(scores, labels, 0.25) == 1
    # Best of 0.95 * flags + 0.5 * misses: flag one human of four and miss nothing, over 0.5.
    assert metrics.min_dcf(scores, labels) == pytest.approx(0.95 * 0.25 / 0.5)


def test_crossing_between_points_is_interpolated() -> None:
    # From (flags, misses) = (1/2, 1/3) at or above 2 to (0, 1/3) at or above 3.
    assert metrics.eer([0, 2, 1, 3, 4], [0, 0, 1, 1, 1]) == pytest.approx(1 / 3)


def test_tpr_at_exactly_one_percent() -> None:
    scores = np.r_[np.arange(100), 98.5]
    labels = np.r_[np.zeros(100), 1]
    assert metrics.tpr_at_fpr(scores, labels, 0.01) == 1
    assert metrics.tpr_at_fpr(scores, labels, 0.0099) == 0


def test_costs_at_the_bayes_threshold() -> None:
    assert pytest.approx(math.log(1.9)) == metrics.BAYES_THRESHOLD
    # One of two humans flagged, one of two robots missed.
    assert metrics.act_dcf([0, 0.7, 0.6, 5], [0, 0, 1, 1]) == pytest.approx(
        (0.95 * 0.5 + 0.5 * 0.5) / 0.5
    )


def test_cllr_by_hand() -> None:
    robot, human = math.log(3), -math.log(7)
    expected = (math.log2(1 + 1 / 3) + math.log2(1 + 1 / 7)) / 2
    assert metrics.cllr([robot, human], [1, 0]) == pytest.approx(expected)


def test_min_cllr_by_hand() -> None:
    # Posteriors after pooling, with a half for each class: 0, 1/2 for the swapped pair, 1.
    assert metrics.min_cllr([0, 2, 1, 3], [0, 0, 1, 1]) == pytest.approx(0.5)


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.booleans()), min_size=2, max_size=60).filter(
        lambda rows: len({robot for _, robot in rows}) == 2
    )
)
def test_only_the_order_matters(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in rows], float)
    labels = np.array([robot for _, robot in rows])
    monotone = np.exp(scores / 20) + 3
    for name in ("eer", "auc", "min_dcf", "min_cllr"):
        function = getattr(metrics, name)
        assert function(monotone, labels) == pytest.approx(function(scores, labels), abs=1e-9)
    assert metrics.auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert metrics.min_cllr(scores, labels) <= metrics.cllr(scores, labels) + 1e-9
    # The other class is the mirror image.
    assert metrics.eer(-scores, ~labels) == pytest.approx(metrics.eer(scores, labels))


def test_bootstrap_draws_whole_groups() -> None:
    groups = ["a", "a", "b", "x", "y", "y"]
    weights = metrics.bootstrap_weights(groups, [0, 0, 0, 1, 1, 1], 50, np.random.default_rng(1))
    assert weights is not None
    assert weights.shape == (50, 6)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 4], weights[:, 5])
    assert np.all(weights[:, 0] + weights[:, 2] == 2)
    assert np.all(weights[:, 3] + weights[:, 4] == 2)
    assert (
        metrics.bootstrap_weights(["a", "a", "b"], [0, 0, 1], 9, np.random.default_rng(1)) is None
    )


def test_measure_brackets_the_value_and_is_reproducible() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 200)
    scores = rng.normal(labels * 2.0, 1)
    groups = [f"{label}-{i % 20}" for i, label in enumerate(labels)]
    first = metrics.measure(scores, labels, groups, 200, np.random.default_rng(1))
    again = metrics.measure(scores, labels, groups, 200, np.random.default_rng(1))
    assert first == again
    assert set(first) == set(metrics.METRICS)
    assert first["eer"].low < first["eer"].value < first["eer"].high
    assert first["eer"].value == metrics.eer(scores, labels)
    assert metrics.measure(scores, labels)["auc"].value == metrics.auc(scores, labels)
    assert math.isnan(metrics.measure(scores, labels)["auc"].low)


def test_groups_of_robots_are_systems_where_there_are_enough() -> None:
    groups = [f"g{i}" for i in range(8)]
    systems = ["", "", "a", "b", "c", "d", "e", "e"]
    labels = [0, 0, 1, 1, 1, 1, 1, 1]
    chosen, said = metrics.bootstrap_groups(groups, systems, labels)
    assert chosen == ["g0", "g1", "a", "b", "c", "d", "e", "e"]
    assert said == "speakers or recordings of humans, systems of robots"
    chosen, said = metrics.bootstrap_groups(groups[:5], systems[:5], labels[:5])
    assert chosen == groups[:5]
    assert said.endswith("voices or recordings of robots")


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [1, 1], "both classes, got 2 of one"),
        ([1.0, math.nan], [0, 1], "without NaN, got 1 NaN"),
        ([1.0], [0, 1], r"one length, got \(1,\), \(2,\)"),
    ],
)
def test_refuses_what_has_no_answer(scores: list[float], labels: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.measure(scores, labels)


def test_curve_ends() -> None:
    points = metrics.curve([0, 1, 1], [0, 1, 0])
    np.testing.assert_allclose(points.false_flags, [1, 0.5, 0])
    np.testing.assert_allclose(points.misses, [0, 0, 1])
    assert Estimate(1.0).value == 1


def test_auc_of_bootstrap_draws_is_that_of_the_drawn_trials() -> None:
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    labels = np.array([0, 0, 1, 1])
    weights = np.array([[1.0, 1, 1, 1], [2, 0, 1, 1], [0, 2, 2, 0]])
    assert metrics.auc_draws(scores, labels, weights).tolist() == pytest.approx([0.75, 1.0, 0.0])

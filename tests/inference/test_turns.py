"""Stretches of speech and the turn-taking that they make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.evidence.turns import (
    FEATURES,
    NO_INTERRUPTION,
    RESPONSES,
    TALK_OVER,
    Stretch,
    Stretches,
    feature_vector,
    turn_taking,
)


def stretches(*pairs: tuple[float, float]) -> list[Stretch]:
    return [Stretch(a, b) for a, b in pairs]


def found(marks: str) -> list[Stretch]:
    """Stretches of a string with one mark per 100 ms, ``#`` speech."""
    side = Stretches()
    for i, mark in enumerate(marks):
        side.push(0.9 if mark == "#" else 0.1, (i + 1) / 10, 0.1)
    return list(side.found)


def test_short_pauses_join_and_clicks_are_dropped() -> None:
    (one, two) = found("..###..##......#......####......")
    assert (one.start, one.end) == pytest.approx((0.2, 0.9))
    assert (two.start, two.end) == pytest.approx((2.2, 2.6))
    assert two.seconds == pytest.approx(0.4)
    # Not over before 0.45 s of silence.
    assert found("####....") == []
    assert len(found("####.....")) == 1


def test_hysteresis() -> None:
    side = Stretches()
    for i, p in enumerate([0.4, 0.6, 0.4, 0.4, 0.3]):
        side.push(p, (i + 1) / 10, 0.1)
    assert side.open_since == pytest.approx(0.1)
    for i in range(5):
        side.push(0.45, 0.6 + i / 10, 0.1)
    assert [(s.start, s.end) for s in side.found] == [pytest.approx((0.1, 0.4))]


@given(st.lists(st.floats(0, 1), max_size=300))
def test_stretches_are_in_order_apart_and_long_enough(probabilities: list[float]) -> None:
    side = Stretches()
    for i, p in enumerate(probabilities):
        side.push(p, (i + 1) / 10, 0.1)
    for a, b in zip(side.found, list(side.found)[1:], strict=False):
        assert a.end + 0.4 < b.start
    assert all(s.seconds > 0.15 - 1e-9 for s in side.found)


def test_gaps_of_a_clock() -> None:
    near = stretches((0, 1), (5, 6), (10, 11), (15, 16))
    far = stretches((2, 4), (7, 9), (12, 14), (17, 18))
    turns = turn_taking(far, near)
    assert turns.gaps == (1.0, 1.0, 1.0, 1.0)
    assert (turns.median_gap, turns.spread, turns.overlap) == (1.0, 0.0, 0.0)
    assert (turns.talk_on, turns.interruptions) == (NO_INTERRUPTION, 0)
    assert turns.turn_seconds == 2.0


def test_a_pause_of_its_own_is_no_response() -> None:
    turns = turn_taking(stretches((2, 3), (4, 5), (6.5, 8)), stretches((0, 1)))
    assert turns.gaps == (1.0,)


def test_overlap_and_being_interrupted() -> None:
    # The near end begins 1.5 s before the far end stops; the far end answers 0.5 s early.
    near = stretches((0, 1), (3.5, 7))
    far = stretches((1.2, 5), (6.5, 8))
    turns = turn_taking(far, near)
    assert turns.gaps == pytest.approx((0.2, -0.5))
    assert turns.talk_on == turns.longest_talk_on == pytest.approx(1.5)
    assert turns.interruptions == 1
    assert turns.overlap == pytest.approx(2.0 / 5.3)
    long = turn_taking(stretches((1.2, 9)), stretches((0, 1), (3.5, 5)))
    assert long.talk_on == TALK_OVER


def test_backchannels_lie_inside_our_speech() -> None:
    turns = turn_taking(stretches((2, 2.4), (4, 4.5), (11, 12)), stretches((0, 10)))
    assert turns.gaps == (1.0,)
    # Counted from a second before the oldest response that counts.
    assert turns.backchannels == 0.0
    both = turn_taking(stretches((1.2, 2), (4, 4.4), (11, 12)), stretches((0, 1), (3, 10)))
    assert both.backchannels == pytest.approx(1 / (8 / 60))


def test_only_the_newest_responses_count() -> None:
    near = stretches(*((5.0 * i, 5.0 * i + 1) for i in range(12)))
    slow = stretches(*((5.0 * i + 3, 5.0 * i + 4) for i in range(4)))
    quick = stretches(*((5.0 * i + 1.2, 5.0 * i + 2) for i in range(4, 12)))
    turns = turn_taking(slow + quick, near)
    assert len(turns.gaps) == RESPONSES
    assert turns.median_gap == pytest.approx(0.2)


def test_features_have_names_and_are_finite() -> None:
    for turns in (turn_taking([], []), turn_taking(stretches((1, 2)), stretches((0, 0.5)))):
        vector = feature_vector(turns)
        assert vector.dtype == np.float32
        assert vector.shape == (len(FEATURES),)
        assert np.isfinite(vector).all()

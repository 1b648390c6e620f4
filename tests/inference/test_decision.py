from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.decision import (
    HOLD_CHUNKS,
    SequentialDecision,
    UnionPoint,
    excess_alone,
    order_reasons,
    sigmoid,
    total_llr,
)
from ringtrue.inference.evidence.base import Evidence
from ringtrue.model.contract import OperatingPoint

POINT = OperatingPoint("cautious", 4.0, 1.0, -2.0, 1.0)


UNION = UnionPoint("cautious", 8.0, 6.5, -2.0, 1.0, {"voice": 3.0, "replay": 7.0})


def run(values: list[float], speech: float = 5.0) -> list[str]:
    decision = SequentialDecision(POINT, 1.0)
    return [decision.update(v, speech, 0.1 * (i + 1)) for i, v in enumerate(values)]


def test_flag_needs_three_chunks_in_a_row() -> None:
    assert HOLD_CHUNKS == 3
    assert run([4.0, 4.0, 4.0, 4.0]) == ["unsure", "unsure", "robot", "robot"]
    assert set(run([9.0, 9.0, 3.9] * 5)) == {"unsure"}


def test_robot_stays_until_below_clear() -> None:
    assert run([5] * 3 + [1.0] * 5)[-1] == "robot"
    assert run([5] * 3 + [0.99] * 2)[-1] == "robot"
    assert run([5] * 3 + [0.99] * 3)[-1] == "unsure"
    assert run([5] * 3 + [-2.0] * 3)[-1] == "human"


def test_human_stays_until_the_middle_of_human_and_clear() -> None:
    assert run([-2] * 3)[-1] == "human"
    assert run([-2] * 3 + [-0.5] * 5)[-1] == "human"
    assert run([-2] * 3 + [-0.49] * 3)[-1] == "unsure"
    assert run([-2] * 3 + [4.0] * 3)[-1] == "robot"


def test_no_verdict_before_enough_speech() -> None:
    assert set(run([50.0] * 20, speech=0.99)) == {"unsure"}
    assert set(run([-50.0] * 20, speech=0.99)) == {"unsure"}


def test_since_is_the_time_of_the_change() -> None:
    decision = SequentialDecision(POINT, 1.0)
    for i in range(10):
        decision.update(5.0, 2.0, float(i))
    assert (decision.verdict, decision.since) == ("robot", 2.0)
    decision.reset()
    assert (decision.verdict, decision.since) == ("unsure", 0.0)


def test_equal_thresholds_still_hold() -> None:
    decision = SequentialDecision(OperatingPoint("flat", 0.0, 0.0, 0.0, 1.0), 0.0)
    assert [decision.update(0.0, 0.0, t) for t in (0.1, 0.2, 0.3)][-1] == "robot"


@given(st.lists(st.floats(-30, 30), max_size=60))
def test_a_flag_was_asked_for_by_every_chunk_of_the_hold(values: list[float]) -> None:
    verdicts = run(values)
    for i, verdict in enumerate(verdicts):
        if verdict == "robot" and (i == 0 or verdicts[i - 1] != "robot"):
            assert i >= HOLD_CHUNKS - 1
            assert min(values[i - HOLD_CHUNKS + 1 : i + 1]) >= POINT.flag_llr


def test_prior_moves_only_the_probability() -> None:
    assert SequentialDecision(POINT, 1.0).p_robot(0.0) == 0.5
    assert SequentialDecision(POINT, 1.0, prior=0.1).p_robot(math.log(9)) == pytest.approx(0.5)


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_prior(prior: float) -> None:
    with pytest.raises(ValueError, match="expected a prior between 0 and 1"):
        SequentialDecision(POINT, 1.0, prior)


def test_sigmoid_does_not_overflow() -> None:
    assert sigmoid(1e4) == 1.0
    assert sigmoid(-1e4) == 0.0
    assert sigmoid(1.0) + sigmoid(-1.0) == pytest.approx(1.0)


def test_evidence_is_capped_and_may_abstain() -> None:
    streams = [
        Evidence("voice", 3.0, reason="v"),
        Evidence("timing", -9.0, cap=1.5, reason="t"),
        Evidence("replay", None, reason="r"),
        Evidence("floor", 0.2),
    ]
    assert total_llr(streams) == pytest.approx(1.7)
    assert order_reasons(streams) == ("v", "t", "r")


def run_union(sums: list[float], voices: list[float]) -> list[str]:
    decision = SequentialDecision(UNION, 1.0)
    return [
        decision.update(total, 5.0, 0.1 * (i + 1), UNION.excess({"voice": voice}))
        for i, (total, voice) in enumerate(zip(sums, voices, strict=True))
    ]


def test_a_stream_flags_alone_and_holds_within_the_hysteresis() -> None:
    assert run_union([0.0] * 3, [3.0] * 3) == ["unsure", "unsure", "robot"]
    assert set(run_union([0.0] * 9, [2.99] * 9)) == {"unsure"}
    assert run_union([0.0] * 9, [3.0] * 3 + [1.5] * 6)[-1] == "robot"
    assert run_union([0.0] * 9, [3.0] * 3 + [1.49] * 6)[-1] == "unsure"
    # Any test holds a flag, whichever raised it; none of them does below its own hysteresis.
    assert run_union([6.5] * 9, [3.0] * 3 + [-9.0] * 6)[-1] == "robot"
    assert run_union([6.49] * 9, [3.0] * 3 + [-9.0] * 6)[-1] == "unsure"
    assert run_union([8.0] * 3 + [0.0] * 6, [1.5] * 9)[-1] == "robot"


def test_a_sum_for_a_person_does_not_silence_a_stream() -> None:
    assert run_union([-3.0] * 3, [0.0] * 3)[-1] == "human"
    assert run_union([-3.0] * 6, [0.0] * 3 + [3.0] * 3)[-1] == "robot"


def test_the_excess_is_that_of_the_strongest_stream_that_speaks() -> None:
    told = [Evidence("voice", 2.0), Evidence("replay", 12.0, cap=10.0), Evidence("timing", 2.0)]
    assert excess_alone(UNION, told) == 3.0
    assert excess_alone(UNION, told[:1]) == -1.0
    assert excess_alone(UNION, [Evidence("replay", None), told[2]]) == -math.inf
    assert excess_alone(POINT, told) == -math.inf


steps = st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), max_size=60)


@given(steps)
def test_the_union_flags_no_later_than_the_voice_alone_at_its_threshold(
    values: list[tuple[float, float]],
) -> None:
    alone = SequentialDecision(OperatingPoint("voice", 3.0, 1.5, -2.0, 1.0), 1.0)
    voices = [voice for _, voice in values]
    first = [alone.update(v, 5.0, 0.1 * (i + 1)) for i, v in enumerate(voices)]
    union = run_union([total for total, _ in values], voices)
    if "robot" in first:
        assert union.index("robot") <= first.index("robot")


@given(steps)
def test_the_union_leaves_robot_when_no_test_holds(values: list[tuple[float, float]]) -> None:
    quiet = [(min(total, 6.4), min(voice, 1.4)) for total, voice in values]
    after = [*values, *quiet[-1:] * HOLD_CHUNKS]
    assert run_union([a for a, _ in after], [b for _, b in after])[-1:] != ["robot"]


@given(st.lists(st.floats(-30, 30), max_size=60))
def test_one_sum_is_decided_as_without_streams_that_flag_alone(values: list[float]) -> None:
    plain, union = SequentialDecision(POINT, 1.0), UnionPoint(**vars(POINT))
    same = SequentialDecision(union, 1.0)
    for i, v in enumerate(values):
        assert plain.update(v, 5.0, i / 10) == same.update(v, 5.0, i / 10, union.excess({}))

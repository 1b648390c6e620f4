"""All evidence of listened-to calls: sums, the union of tests, thresholds for it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from listened_calls import BALANCED, INFO, POINT, call, heard

from ringtrue.inference.decision import UnionPoint
from ringtrue.inference.fusion import fused_voice
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.fused import (
    TESTS,
    choose_fused_points,
    excess_alone,
    fused_llr,
    ratio_threshold,
    verdicts,
)
from ringtrue.training.callsim.listening import Listened
from ringtrue.training.thresholds import HYSTERESIS

UNION = UnionPoint("cautious", 8.0, 6.5, -1.0, 1.0, {"voice": 3.5, "replay": 7.0})


def test_sums_leave_out_voices_of_too_little_speech_and_streams_that_are_off() -> None:
    listened = heard([2.0] * 12, timing=[1.0] * 12, floor=[0.5] * 12)
    total = fused_llr(listened, ("timing", "replay"), 1.0)
    # Beside other streams the voice counts as that of a mixture of robots.
    np.testing.assert_allclose(total, [1.0] * 9 + [1.0 + fused_voice(2.0)] * 3, rtol=1e-6)
    np.testing.assert_allclose(fused_llr(listened, (), 1.0), [0.0] * 9 + [2.0] * 3)
    assert verdicts(listened, (), POINT, INFO)[-1] == "unsure"
    loud = heard([2.0] * 20, timing=[1.5] * 20)
    assert verdicts(loud, ("timing",), POINT, INFO)[-1] == "robot"


def test_streams_that_flag_alone_do_so_where_they_are_on() -> None:
    listened = heard([4.0] * 20, replay=[0.0] * 15 + [9.0] * 5)
    excess = excess_alone(listened, ("replay",), UNION, 1.0)
    # The voice speaks from the first second of speech on, replay where something matches.
    np.testing.assert_allclose(excess, [-np.inf] * 9 + [0.5] * 6 + [2.0] * 5)
    np.testing.assert_allclose(excess_alone(listened, (), UNION, 1.0), [-np.inf] * 9 + [0.5] * 11)
    assert np.isneginf(excess_alone(listened, ("replay",), POINT, 1.0)).all()


def test_a_person_s_timing_does_not_silence_voice_or_replay() -> None:
    voice = heard([3.6] * 30, timing=[-2.0] * 30)
    assert verdicts(voice, ("timing",), UNION, INFO)[11] == "robot"
    replay = heard([-6.0] * 30, timing=[-2.0] * 30, replay=[0.0] * 12 + [7.5] * 18)
    found = verdicts(replay, ("replay", "timing"), UNION, INFO)
    assert found.index("robot") == 14
    assert "robot" not in verdicts(replay, ("timing",), UNION, INFO)


def people(voice: list[float], replay: list[float]) -> list[tuple[StoredCall, Listened]]:
    return [
        (call("human", person=f"p{i % 50}"), heard([v] * 12, replay=[r] * 12))
        for i, (v, r) in enumerate(zip(voice, replay, strict=True))
    ]


BOTS = [(call("tts"), heard([6.0] * 12, replay=[0.0] * 12)) for _ in range(20)]


def test_thresholds_of_people_without_matches() -> None:
    voices = list(np.random.default_rng(1).normal(-3.5, 1.0, 400))
    calls = people(voices, [0.0] * 400)
    calls.append((call("human", prelude="ivr"), heard([50.0] * 12, replay=[9.0] * 12)))
    calls.append((call("human"), heard([50.0] * 5, replay=[0.0] * 5)))
    fusion, study = choose_fused_points(calls, BOTS, INFO, ("replay",), "0.1.0")
    assert (study.human_calls, study.human_voices, study.robot_calls) == (400, 50, 20)
    assert (fusion.voice_model, fusion.streams) == ("m 0", ("voice", "replay"))
    for point, own in zip(fusion.operating_points, (POINT, BALANCED), strict=True):
        share = own.false_flags_per_1000_calls / 1000 / len(TESTS)
        # The voice's own threshold is enough for its share; no match was seen, so replay's
        # is that of a likelihood ratio.
        assert point.alone["voice"] == own.flag_llr
        assert point.alone["replay"] == pytest.approx(-math.log(share))
        assert point.clear_llr == point.flag_llr - HYSTERESIS
        assert study.flagged_humans[point.name] == dict.fromkeys((*TESTS, "any"), 0.0)
        assert study.flagged_robots[point.name]["voice"] == 1.0
    # 1 in 100 sums lie above that of a voice 2.33 deviations up; a share of 1 in 3,000 is ln 30
    # further.
    cautious, balanced = fusion.operating_points
    counted = fused_voice(-3.5 + 2.33)
    assert counted - 0.05 < cautious.flag_llr - math.log(30) < counted + 0.4
    assert cautious.flag_llr - balanced.flag_llr == pytest.approx(math.log(10))


def test_a_voice_that_people_reach_gets_a_higher_threshold() -> None:
    voices = list(np.random.default_rng(1).normal(1.0, 1.0, 400))
    fusion, study = choose_fused_points(people(voices, [0.0] * 400), BOTS, INFO, ("replay",), "0")
    # 1 in 3,000 of a normal distribution: 3.4 deviations up.
    assert 1.0 + 3.4 - 0.5 < fusion.operating_points[0].alone["voice"] < 1.0 + 3.4 + 2.0
    assert study.flagged_humans["cautious"]["any"] == 0.0


def test_false_matches_of_people_raise_the_thresholds_of_replay() -> None:
    matches = [7.0 if i % 20 == 0 else 0.0 for i in range(400)]
    fusion, _ = choose_fused_points(people([-3.0] * 400, matches), BOTS, INFO, ("replay",), "0")
    cautious = fusion.operating_points[0]
    assert cautious.alone["replay"] == pytest.approx(7.0 + math.log(30))
    assert cautious.flag_llr == pytest.approx(7.0 + fused_voice(-3.0) + math.log(30), abs=1e-4)


@pytest.mark.parametrize("exceeded", [0.05, 0.01, 0.001])
def test_the_tail_of_a_likelihood_ratio(exceeded: float) -> None:
    rng = np.random.default_rng(2)
    peaks = rng.exponential(size=20_000)
    names = [str(i % 500) for i in range(len(peaks))]
    found = ratio_threshold(peaks, names, exceeded, np.random.default_rng(1))
    # The quantile of an exponential distribution, and a margin for what the sample may hide.
    assert -math.log(exceeded) - 0.05 < found < -math.log(exceeded) + 0.25


def test_thresholds_need_calls() -> None:
    with pytest.raises(ValueError, match="at least 20 human calls, got 19"):
        choose_fused_points(people([0.0] * 19, [0.0] * 19), BOTS, INFO, ("replay",), "0")

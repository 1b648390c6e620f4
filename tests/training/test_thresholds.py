"""Operating points from the peaks of simulated calls."""

import math

import numpy as np
import pytest

from ringtrue.training.thresholds import HYSTERESIS, study, tail_quantile, upper_bound


def test_quantiles_are_counted_where_they_can_be() -> None:
    assert tail_quantile(np.arange(1001), 0.01) == 990
    assert tail_quantile(np.arange(11), 0.2) == 8


def test_the_tail_is_extrapolated() -> None:
    rng = np.random.default_rng(2)
    sample = rng.exponential(1, 2000)
    # 1 in 10,000 of an exponential: ln(10000) = 9.21, beyond anything counted here.
    assert tail_quantile(sample, 1e-4) == pytest.approx(math.log(1e4), rel=0.2)
    assert tail_quantile(sample, 1e-3) > tail_quantile(sample, 1e-2)
    assert tail_quantile(np.zeros(50), 1e-3) == 0
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        tail_quantile(sample, 1)


def test_few_voices_widen_the_margin() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(np.repeat(rng.normal(0, 2, 20), 10), 0.1)
    by_voice = upper_bound(
        values, [str(i // 10) for i in range(200)], 0.1, np.random.default_rng(1)
    )
    by_call = upper_bound(values, [str(i) for i in range(200)], 0.1, np.random.default_rng(1))
    assert by_voice >= by_call


def test_points_are_ordered_and_reproducible() -> None:
    rng = np.random.default_rng(4)
    peaks = rng.normal(0, 1, 300)
    peaks[:5] = -math.inf
    voices = [f"v{i % 30}" for i in range(300)]
    sources = [f"s{i % 3}" for i in range(300)]
    robots = rng.normal(6, 1, 100)
    result = study(peaks, voices, sources, robots, robots - 4, 1)
    assert result == study(peaks, voices, sources, robots, robots - 4, 1)
    cautious, balanced = result.points
    assert (cautious.name, cautious.false_flags_per_1000_calls) == ("cautious", 1.0)
    assert (balanced.name, balanced.false_flags_per_1000_calls) == ("balanced", 10.0)
    assert cautious.flag_llr > balanced.flag_llr
    assert cautious.clear_llr == cautious.flag_llr - HYSTERESIS
    assert cautious.human_llr <= 0
    assert result.human_calls == 295
    assert result.human_voices == 30
    assert result.flagged_humans["cautious"] <= 0.01
    assert result.flagged_robots["balanced"] >= 0.9
    assert result.top_sources[0][1] == pytest.approx(peaks.max())


def test_refuses_calls_without_speech() -> None:
    silent = np.full(30, -math.inf)
    with pytest.raises(ValueError, match="at least 20 human calls, got 0"):
        study(silent, ["v"] * 30, ["s"] * 30, silent, silent, 1)

"""The fit of ``benchmarks/replay_fit.py`` against scores whose tail is known."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from replay_fit import fit

PEOPLE = np.random.default_rng(1).exponential(0.5, 1000) - 3.0
REPEATS = np.linspace(2.0, 12.0, 101)


def test_the_tail_of_an_exponential_is_found() -> None:
    fitted = fit(PEOPLE, REPEATS)
    assert fitted.calls == 1000
    assert fitted.scale == pytest.approx(0.5, rel=0.25)
    assert fitted.scale_upper > fitted.scale
    assert fitted.spread == (pytest.approx(2.5), pytest.approx(11.5))
    assert fitted.start == pytest.approx(-3.0 + 0.5 * math.log(10), abs=0.1)


def test_the_bar_is_reached_by_one_call_in_a_thousand() -> None:
    fitted = fit(PEOPLE, REPEATS)
    rate = 0.1 * math.exp(-(fitted.bar - fitted.start) / fitted.scale_upper)
    assert rate == pytest.approx(0.001)
    assert fit(PEOPLE, REPEATS, rate=0.01).bar < fitted.bar


def test_the_ratio_is_that_of_the_densities() -> None:
    fitted = fit(PEOPLE, REPEATS)
    people = 0.001 / fitted.scale_upper  # at the bar
    assert fitted.base == pytest.approx(math.log(0.9 / 9.0 / people))
    step = fitted.llr(fitted.bar + 1.0) - fitted.base
    assert step == pytest.approx(fitted.slope)


def test_too_few_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 10 or more finite scores in the tail, got 5"):
        fit(PEOPLE[:50], REPEATS)
    with pytest.raises(ValueError, match="finite"):
        fit([-math.inf] * 200, REPEATS)

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
    fitted = fit(PEOPLE, REPEATS, 1.0)
    assert fitted.calls == 1000
    assert fitted.scale == pytest.approx(0.5, rel=0.3)
    assert fitted.scale_upper > fitted.scale
    assert fitted.spread == (pytest.approx(2.5), pytest.approx(11.5))
    assert fitted.start == pytest.approx(-3.0 + 0.5 * math.log(20), abs=0.15)


def test_the_rate_is_that_of_the_tail() -> None:
    fitted = fit(PEOPLE, REPEATS, 1.0)
    assert fitted.rate == pytest.approx(0.05 * math.exp(-(1.0 - fitted.start) / fitted.scale))
    assert fit(PEOPLE, REPEATS, 2.0).rate < fitted.rate


def test_the_ratio_is_that_of_the_densities() -> None:
    fitted = fit(PEOPLE, REPEATS, 1.0)
    upper = fitted.scale_upper
    people = 0.05 / upper * math.exp(-(1.0 - fitted.start) / upper)
    assert fitted.base == pytest.approx(math.log(0.9 / 9.0 / people))
    assert fitted.slope == 1.0 / upper
    assert fitted.measured == pytest.approx(fitted.base + fitted.slope * (PEOPLE.max() - 1.0))


def test_too_few_calls_are_refused() -> None:
    with pytest.raises(
        ValueError, match="expected 10 or more finite scores in the tail, got 2 of calls"
    ):
        fit(PEOPLE[:50], REPEATS, 1.0)
    with pytest.raises(ValueError, match="finite"):
        fit([-math.inf] * 200, REPEATS, 1.0)

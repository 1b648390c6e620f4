from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from ringtrue.training.channel.base import (
    Applied,
    Chain,
    Params,
    Samples,
    Transform,
    as_samples,
    fit_length,
)
from ringtrue.training.channel.one_of import OneOf


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Transform):
    amount: float = 1.0

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        return {"amount": self.amount, "draw": float(rng.random())}

    def apply(self, samples: Samples, params: Params) -> Samples:
        return samples + np.float32(params["amount"])


@dataclass(frozen=True, eq=False, kw_only=True)
class Double(Add):
    def apply(self, samples: Samples, params: Params) -> Samples:
        return samples * np.float32(2)


def test_chain_applies_in_order_and_traces_names() -> None:
    chain = Chain(transforms=(Add(amount=3.0), Double()))
    result, applied = chain.traced(np.zeros(4, np.float32), np.random.default_rng(0))
    np.testing.assert_array_equal(result, np.full(4, 6.0, np.float32))
    assert [step.name for step in applied] == ["Add", "Double"]
    assert isinstance(applied[0], Applied)
    assert applied[0].params["amount"] == 3.0


def test_probability_zero_and_one() -> None:
    rng = np.random.default_rng(0)
    chain = Chain(transforms=(Add(p=0.0), Double(p=1.0)))
    for _ in range(50):
        assert [step.name for step in chain.traced(np.ones(3, np.float32), rng)[1]] == ["Double"]


def test_probability_is_met() -> None:
    rng = np.random.default_rng(1)
    chain = Chain(transforms=(Add(p=0.3),))
    counted = sum(len(chain.traced(np.ones(2, np.float32), rng)[1]) for _ in range(2000))
    assert 520 < counted < 680


def test_one_of_takes_one_by_weight_and_flattens_nested_chains() -> None:
    rng = np.random.default_rng(2)
    inner = Chain(transforms=(Add(), Add()))
    choice = OneOf(options=(inner, Double()), weights=(1, 3))
    names = [
        tuple(a.name for a in choice.traced(np.ones(2, np.float32), rng)[1]) for _ in range(800)
    ]
    assert set(names) == {("Add", "Add"), ("Double",)}
    assert 540 < names.count(("Double",)) < 660


def test_params_replay_through_json() -> None:
    chain = Chain(transforms=(Add(p=0.5), OneOf(options=(Add(amount=5.0), Double()))))
    samples = np.ones(3, np.float32)
    params = chain.randomize(samples, np.random.default_rng(3))
    replayed = chain.apply(samples, json.loads(json.dumps(params)))
    np.testing.assert_array_equal(replayed, chain.apply(samples, params))


def test_empty_input_stays_empty() -> None:
    result, applied = Chain(transforms=(Add(),)).traced(np.zeros(0), np.random.default_rng(0))
    assert result.shape == (0,)
    assert result.dtype == np.float32
    assert applied == ()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Add(p=1.5), "Add: expected 0 <= p <= 1, got 1.5"),
        (lambda: OneOf(), "expected at least one option"),
        (lambda: OneOf(options=(Add(),), weights=(1, 2)), "expected 1 weights"),
        (lambda: OneOf(options=(Add(),), weights=(0,)), "positive sum"),
        (lambda: as_samples(np.zeros((2, 3))), r"got shape \(2, 3\)"),
        (lambda: as_samples(np.array([0.0, np.nan])), "finite"),
    ],
)
def test_bad_values_are_named(build, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        build()


def test_fit_length_cuts_and_pads() -> None:
    np.testing.assert_array_equal(fit_length(np.arange(4.0), 2), [0, 1])
    np.testing.assert_array_equal(fit_length(np.arange(2.0), 4), [0, 1, 0, 0])
    assert fit_length(np.arange(2.0), 4).dtype == np.float32

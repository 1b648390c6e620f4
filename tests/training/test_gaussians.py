"""Classes move the means of a common background, and nothing else, as their frames count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from ringtrue.training.gaussians import Frames, moved_mixtures, own_mixture
from ringtrue.training.recipe import MixtureFitConfig

CONFIG = MixtureFitConfig(components=2, background=True, relevance=1.0)


def _frames(places: tuple[float, ...], seed: int, count: int = 400) -> Frames:
    """Two features: around each of ``places``, and 100 times as wide around 0."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal((p, 0), (0.1, 10), (count, 2)) for p in places])
    return Frames(values.astype(np.float32), np.ones(len(values)))


ROBOTS, PEOPLE = _frames((-1.0, 1.2), 1), _frames((-1.0, 0.8), 2)


def test_only_means_differ_and_only_where_the_frames_do() -> None:
    robots, people = moved_mixtures((ROBOTS, PEOPLE), CONFIG)
    assert np.array_equal(robots.weights, people.weights)
    assert np.array_equal(robots.variances, people.variances)
    np.testing.assert_allclose(robots.weights, 0.5, atol=1e-3)
    order = np.argsort(robots.means[:, 0])
    np.testing.assert_allclose(robots.means[order, 0], [-1.0, 1.2], atol=0.02)
    np.testing.assert_allclose(people.means[order, 0], [-1.0, 0.8], atol=0.02)
    # The background at 1.0 is as wide as both classes together.
    np.testing.assert_allclose(np.sqrt(robots.variances[order, 0]), [0.1, 0.224], atol=0.01)
    np.testing.assert_allclose(np.sqrt(robots.variances[:, 1]), 10, atol=0.5)


def test_variances_move_too_where_asked() -> None:
    robots, people = moved_mixtures((ROBOTS, PEOPLE), replace(CONFIG, move_variances=True))
    fixed, _ = moved_mixtures((ROBOTS, PEOPLE), CONFIG)
    np.testing.assert_array_equal(robots.means, fixed.means)
    np.testing.assert_allclose(np.sqrt(robots.variances[:, 0]), 0.1, atol=0.02)
    np.testing.assert_allclose(np.sqrt(people.variances[:, 1]), 10, atol=0.5)
    assert robots.weights.sum() == pytest.approx(1)


def test_frames_count_what_their_weights_say() -> None:
    weights = np.repeat([1.0, 3.0], 400)
    values = np.concatenate([PEOPLE.values[400:], PEOPLE.values[400:] + np.float32([0.4, 0])])
    (_, people) = moved_mixtures((ROBOTS, Frames(values, weights)), CONFIG)
    assert people.means[:, 0].max() == pytest.approx(0.8 + 0.4 * 3 / 4, abs=0.02)


def test_a_component_that_a_class_has_no_frames_of_stays_where_it_is() -> None:
    few = Frames(PEOPLE.values[400:], PEOPLE.weights[400:])
    robots, people = moved_mixtures((ROBOTS, few), CONFIG)
    low = int(np.argmin(robots.means[:, 0]))
    assert people.means[low, 0] == pytest.approx(robots.means[low, 0], abs=0.01)
    # With a large relevance no frame moves anything.
    fixed = moved_mixtures((ROBOTS, few), replace(CONFIG, relevance=1e12))
    np.testing.assert_allclose(fixed[0].means, fixed[1].means, atol=1e-6)


def test_an_own_mixture_is_as_narrow_as_its_class() -> None:
    first = Frames(PEOPLE.values[:, :1], PEOPLE.weights)
    own = own_mixture(first, replace(CONFIG, background=False))
    order = np.argsort(own.means[:, 0])
    np.testing.assert_allclose(own.means[order, 0], [-1.0, 0.8], atol=0.02)
    np.testing.assert_allclose(np.sqrt(own.variances), 0.1, atol=0.02)


def test_too_few_frames_are_said() -> None:
    none = Frames(PEOPLE.values[:1], PEOPLE.weights[:1])
    with pytest.raises(ValueError, match="expected at least 4 speech frames, got 2"):
        moved_mixtures((none, none), CONFIG)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"human_weights": {"a": 2.0}}, "need background: true"),
        ({"move_variances": True}, "need background: true"),
        ({"background": True, "robot_weights": {"a": 0}}, r"mixture\.robot_weights, a: expected"),
        ({"relevance": 0.0}, r"mixture\.relevance: expected a number above 0, got 0\.0"),
    ],
)
def test_settings_out_of_range_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureFitConfig(components=2, **values)  # type: ignore[arg-type]

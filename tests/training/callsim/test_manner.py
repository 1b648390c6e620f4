"""The timing of people and machines keeps to the published figures."""

import numpy as np

from ringtrue.training.callsim.manner import Manner, machine, person


def test_people_answer_after_200_ms_and_overlap_a_third_of_the_time() -> None:
    rng = np.random.default_rng(1)
    offsets = np.array([person(rng).offset(rng) for _ in range(4000)])
    # Stivers et al. 2009: mean 208 ms; Heldner and Edlund 2010: 41-45 % gaps above 200 ms in
    # corpora with about 40 % overlaps.
    assert 0.1 < np.median(offsets) < 0.3
    assert 0.25 < np.mean(offsets < 0) < 0.42
    assert 0.4 < np.mean(offsets > 0.2) < 0.6
    assert offsets.min() > -2.0
    assert offsets.max() < 6.0


def test_machines_answer_on_a_clock_between_half_a_second_and_two() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        bot = machine(rng, scripted=bool(rng.random() < 0.5))
        offsets = [bot.offset(rng) for _ in range(60)]
        assert 0.5 <= bot.gap <= 2.0
        assert abs(np.mean(offsets) - bot.gap) < 0.35
        assert np.std(offsets) < 0.36 * bot.gap
        assert min(offsets) >= 0.15
        assert not bot.person


def test_scripted_bots_stop_rarely_and_late() -> None:
    rng = np.random.default_rng(3)
    bots = [machine(rng, scripted=True).reaction(rng) for _ in range(1000)]
    people = [person(rng).reaction(rng) for _ in range(1000)]
    assert np.mean([r is None for r in bots]) > 0.75
    assert np.mean([r is None for r in people]) < 0.35
    assert min(r for r in bots if r is not None) >= 0.5
    assert max(r for r in people if r is not None) <= 0.7


def test_a_habit_shifts_every_gap() -> None:
    fast = [Manner(person=True).offset(np.random.default_rng(i)) for i in range(50)]
    slow = [Manner(person=True, shift=0.5).offset(np.random.default_rng(i)) for i in range(50)]
    np.testing.assert_allclose(np.array(slow) - fast, 0.5)

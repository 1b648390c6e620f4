"""The noise floor beside and between what is said."""

from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.evidence.noise_floor import FEATURES, FLOOR_DB, NoiseFloor


def call(inside: list[float], rng: np.random.Generator, line: float = 1e-3) -> NoiseFloor:
    """Turns of 2 s, whose clips carry noise of RMS ``inside`` from 0.1 s before to 0.3 s after."""
    floor = NoiseFloor()
    for level in inside:
        turn = line * rng.standard_normal(32000)
        clip = slice(8000 - 800, 24000 + 2400)
        turn[clip] += level * rng.standard_normal(24000 - 8000 + 3200)
        time = np.arange(16000) / 8000
        voice = 0.2 * np.sin(2 * np.pi * 440 * time) * (np.sin(2 * np.pi * 4 * time) > 0)
        turn[8000:24000] += voice
        for start in range(0, 32000, 800):
            talking = 8000 <= start < 24000
            floor.push(turn[start : start + 800].astype(np.float32), 0.9 if talking else 0.1)
    for _ in range(25):
        floor.push((line * rng.standard_normal(800)).astype(np.float32), 0.1)
    return floor


def features(floor: NoiseFloor) -> dict[str, float]:
    return dict(zip(FEATURES, floor.feature_vector().tolist(), strict=True))


def test_a_steady_background_makes_no_step() -> None:
    floor = call([0.0] * 6, np.random.default_rng(0))
    assert len(floor.pauses) == 6
    found = features(floor)
    assert abs(found["tail_step"]) < 1.0
    assert found["tail_spread"] < 2.0
    assert found["deep_spread"] < 1.0


def test_clips_with_noise_of_their_own_step() -> None:
    # 20 dB above the line; the tail's two chunks after 0.1 s hold it.
    loud = features(call([1e-2] * 6, np.random.default_rng(1)))
    assert loud["tail_step"] == pytest.approx(20, abs=1.5)
    assert loud["tail_spread"] < 2.0
    mixed = features(call([1e-2, 3e-3, 3e-2, 0.0, 1e-2, 3e-3], np.random.default_rng(2)))
    assert mixed["tail_spread"] > 5
    assert mixed["inner_spread"] > 5


@pytest.mark.parametrize("gain", [0.3, 4.0])
def test_levels_are_relative(gain: float) -> None:
    quiet = features(call([1e-2] * 5, np.random.default_rng(3)))
    floor = NoiseFloor()
    scaled = features(call([1e-2 * gain] * 5, np.random.default_rng(3), line=1e-3 * gain))
    assert scaled["tail_step"] == pytest.approx(quiet["tail_step"], abs=0.5)
    assert floor.levels(np.zeros(800, np.float32)).max() == pytest.approx(FLOOR_DB)


def test_pauses_inside_speech_and_short_turns_do_not_count() -> None:
    floor = NoiseFloor()
    noise = np.random.default_rng(4).standard_normal(800).astype(np.float32) * 1e-3
    for _ in range(20):
        for speech in (0.9, 0.9, 0.1, 0.1, 0.1):
            assert not floor.push(noise, speech)
    assert len(floor.pauses) == 0
    floor.reset()
    # Silence before any speech is no pause of a turn.
    assert not any(floor.push(noise, 0.1) for _ in range(60))


def test_levels_of_a_tone_lie_in_its_band() -> None:
    floor = NoiseFloor()
    tone = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(800) / 8000)).astype(np.float32)
    levels = floor.levels(tone)
    assert levels.shape == (5, 4)
    assert (levels.argmax(axis=1) == 1).all()
    ten = floor.levels(tone * np.float32(0.1))
    np.testing.assert_allclose(levels[:, 1] - ten[:, 1], 20, atol=0.01)

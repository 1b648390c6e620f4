from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.replay.coherence import coherence, is_steady, spectra
from ringtrue.inference.replay.frames import HOP, WINDOW, Samples

from .voices import noise, silence, through_mu_law, voice


def in_phase(now: Samples, then: Samples) -> float:
    return coherence(spectra(now), spectra(then))


@pytest.mark.parametrize("gain", [1.0, -0.1])
def test_a_waveform_is_coherent_with_itself_whatever_its_gain(gain: float) -> None:
    clip = voice(5, 1.5)
    assert in_phase(clip, np.float32(gain) * clip) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("shift", "least"), [(-HOP, 0.6), (-HOP // 2, 0.75), (1, 0.95), (HOP, 0.6)]
)
def test_places_may_be_a_frame_off(shift: int, least: float) -> None:
    clip = voice(5, 2.0)
    assert in_phase(clip[200:-200], clip[200 + shift : len(clip) - 200 + shift]) > least
    out_of_reach = 3 * HOP
    assert in_phase(clip[300:-300], clip[300 + out_of_reach :]) < 0.5


def test_a_codec_leaves_it_and_noise_takes_some() -> None:
    clip = voice(5, 1.5)
    coded = in_phase(through_mu_law(clip, 1.0, 1), through_mu_law(clip, 0.1, 2))
    assert 0.6 < coded < 1.0
    loud = np.float32(clip.std() / noise(1, 1.0).std())
    assert 0.2 < in_phase(clip, clip + loud * noise(1, 1.5)) < coded


def test_a_jump_of_the_delay_costs_little() -> None:
    clip = voice(5, 1.6)
    heard = through_mu_law(clip, 1.0, 1)
    middle = len(clip) // 2
    jumped = np.concatenate([heard[:middle], heard[middle + 80 :], silence(0.01)])
    assert in_phase(clip, jumped) > 0.8 * in_phase(clip, heard)


def test_chance_is_less_the_longer_the_places_are() -> None:
    chance = [in_phase(noise(1, seconds), noise(2, seconds)) for seconds in (0.2, 0.8, 4.8)]
    assert chance[0] > 1.5 * chance[1] > 0.0
    assert chance[1] == pytest.approx(chance[2], rel=0.2)
    assert chance[1] < 0.25
    assert in_phase(voice(5, 1.5), voice(6, 1.5)) < 0.3


def test_what_is_said_faster_is_out_of_phase() -> None:
    slow = voice(5, 2.0)
    places = np.arange(0, len(slow) - 1, 1.01)
    fast = np.interp(places, np.arange(len(slow)), slow).astype(np.float32)
    assert in_phase(slow[: len(fast)], fast) < 0.5


def test_silence_and_what_is_too_short_say_nothing() -> None:
    clip = voice(5, 1.0)
    assert in_phase(clip, silence(1.0)[: len(clip)]) == pytest.approx(0.0, abs=1e-3)
    assert in_phase(silence(1.0), silence(1.0)) == pytest.approx(0.0, abs=1e-3)
    assert in_phase(clip[: WINDOW - 1], clip[: WINDOW - 1]) == 0.0
    assert in_phase(clip[:0], clip[:0]) == 0.0


def test_places_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="of one length, got 2 and 1 spectra"):
        in_phase(silence(0.12), silence(0.1))


def test_tones_are_steady_and_speech_is_not() -> None:
    time = np.arange(8000) / 8000
    ring = 0.1 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time))
    for level in (0.001, 0.02):
        assert is_steady(spectra(ring.astype(np.float32) + noise(1, 1.0, level)))
    for seed in range(5):
        assert not is_steady(spectra(voice(seed, 1.0)))
    assert not is_steady(spectra(noise(2, 1.0)))
    assert not is_steady(spectra(silence(1.0)))
    assert not is_steady(spectra(ring[:1000].astype(np.float32)))

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from ringtrue.training.channel.agc import AutomaticGain
from ringtrue.training.channel.av_codec import lag
from ringtrue.training.channel.band_pass import BandPass
from ringtrue.training.channel.base import Samples, Transform
from ringtrue.training.channel.clipping import Clipping
from ringtrue.training.channel.comfort_noise import ComfortNoise
from ringtrue.training.channel.equaliser import Equaliser, biquad
from ringtrue.training.channel.g711 import G711
from ringtrue.training.channel.gain import Gain
from ringtrue.training.channel.generated_noise import NOISE_KINDS, generate_noise
from ringtrue.training.channel.harmonise import Harmonise
from ringtrue.training.channel.levels import (
    active_level,
    active_power,
    frame_powers,
    scale_to_active,
)
from ringtrue.training.channel.noise import Noise
from ringtrue.training.channel.noise_gate import NoiseGate
from ringtrue.training.channel.noise_suppression import NoiseSuppression
from ringtrue.training.channel.packet_loss import PacketLoss
from ringtrue.training.channel.resample_history import ResampleHistory
from ringtrue.training.channel.room import Room
from ringtrue.training.channel.speed import Speed
from ringtrue.training.channel.stft import analyse, synthesise
from ringtrue.training.channel.webrtc_suppression import WebRtcSuppression

_RNG = np.random.default_rng(0)
RIR = np.zeros(900, np.float32)
RIR[40] = 0.5
RIR[41:] = 0.05 * np.exp(-np.arange(859) / 150) * _RNG.standard_normal(859)
NOISES = (_RNG.standard_normal(3001).astype(np.float32),)

CHEAP: tuple[Transform, ...] = (
    AutomaticGain(),
    BandPass(),
    Clipping(),
    ComfortNoise(),
    Equaliser(),
    G711(),
    Gain(),
    Harmonise(),
    Noise(noises=NOISES),
    Noise(),
    NoiseGate(),
    NoiseSuppression(),
    PacketLoss(loss=(0.05, 0.3)),
    ResampleHistory(),
    Room(rirs=(RIR,)),
    Room(),
    Speed(),
    WebRtcSuppression(),
)


@pytest.mark.parametrize("transform", CHEAP, ids=lambda t: t.name)
@given(
    length=st.integers(1, 4000),
    level=st.floats(-120, 40),
    shape=st.sampled_from(["noise", "silence", "square", "click", "constant"]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25, deadline=None)
def test_any_length_and_level(
    transform: Transform, length: int, level: float, shape: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    samples = {
        "noise": rng.standard_normal(length),
        "silence": np.zeros(length),
        "square": np.sign(rng.standard_normal(length)),
        "click": np.eye(1, length, length // 2)[0],
        "constant": np.ones(length),
    }[shape]
    samples = (samples * 10 ** (level / 20)).astype(np.float32)
    before = samples.copy()
    params = transform.randomize(samples, rng)
    json.dumps(params)
    after = transform.apply(samples, params)
    np.testing.assert_array_equal(samples, before)  # the input is never changed
    assert after.dtype == np.float32
    assert after.shape == samples.shape
    assert np.isfinite(after).all()
    np.testing.assert_array_equal(after, transform.apply(samples, params))


@pytest.mark.parametrize("transform", CHEAP, ids=lambda t: t.name)
def test_draw_ignores_content(transform: Transform, voice: Samples) -> None:
    for seed in range(5):
        drawn = transform.randomize(voice, np.random.default_rng(seed))
        silent = transform.randomize(np.zeros_like(voice), np.random.default_rng(seed))
        assert drawn == silent


@pytest.mark.parametrize(
    "transform", [t for t in CHEAP if t.name not in ("Speed", "Noise")], ids=lambda t: t.name
)
def test_time_is_kept(transform: Transform, voice: Samples) -> None:
    # Mid-band: causal filters turn the phase of a voice's fundamental at their lower edge.
    band = butter(4, (800, 2500), "bandpass", fs=8000, output="sos")
    for seed in range(5):
        after = transform(voice, np.random.default_rng(seed))
        assert abs(lag(sosfiltfilt(band, voice), sosfiltfilt(band, after))) <= 8


def test_gain_sets_the_active_level(voice: Samples) -> None:
    after = Gain().apply(voice, {"level_dbfs": -30.0})
    assert active_level(after) == pytest.approx(-30.0, abs=0.01)


def test_active_level_ignores_pauses() -> None:
    tone = (0.1 * np.sqrt(2) * np.sin(np.arange(16000) * 0.5)).astype(np.float32)
    padded = np.concatenate([np.zeros(16000, np.float32), tone])
    assert active_level(padded) == pytest.approx(-20.0, abs=0.05)
    assert active_level(np.zeros(100, np.float32)) == float("-inf")
    np.testing.assert_array_equal(scale_to_active(np.zeros(9, np.float32), -26.0), 0)


def test_noise_has_the_drawn_ratio_and_fills_pauses(voice: Samples) -> None:
    params = {"kind": "recorded", "index": 0, "start": 0.9, "snr_db": 12.0}
    added = Noise(noises=NOISES).apply(voice, params) - voice
    ratio = 10 * np.log10(active_power(voice) / np.mean(added**2))
    assert ratio == pytest.approx(12.0, abs=0.05)
    assert frame_powers(added).min() > 0.5 * np.mean(added**2)
    # The segment is looped from the drawn place.
    start = int(0.9 * 3001)
    np.testing.assert_allclose(
        added[3001 : 3001 + 200] / np.std(added), added[:200] / np.std(added), atol=1e-3
    )
    assert np.corrcoef(added[:200], NOISES[0][start : start + 200])[0, 1] > 0.999


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_generated_noise_has_unit_power(kind: str) -> None:
    noise = generate_noise(kind, 8000, np.random.default_rng(1))
    assert noise.dtype == np.float32
    assert np.mean(noise**2) == pytest.approx(1.0, abs=1e-3)


def test_unknown_noise() -> None:
    with pytest.raises(ValueError, match="got 'blue'"):
        generate_noise("blue", 10, np.random.default_rng(1))


def test_pink_noise_falls_by_3_db_per_octave() -> None:
    noise = generate_noise("pink", 2**17, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(2**17, 1 / 8000)
    low, high = (power[(hertz > f) & (hertz < 2 * f)].mean() for f in (100, 800))
    assert 10 * np.log10(low / high) == pytest.approx(9.0, abs=1.5)


@pytest.mark.parametrize(
    ("transform", "params"),
    [
        (NoiseGate(), {"threshold_db": -30.0, "attenuation_db": 40.0, "hold": 3}),
        (
            NoiseSuppression(),
            {"over": 3.0, "attenuation_db": 20.0, "percentile": 10.0, "smooth": 3},
        ),
    ],
)
def test_pauses_are_damped_and_speech_kept(
    transform: Transform, params: dict[str, float], voice: Samples
) -> None:
    pause, loud = slice(4200, 5100), slice(1000, 1600)
    after = transform.apply(voice, params)
    assert np.std(after[pause]) < 0.3 * np.std(voice[pause])
    assert np.std(after[loud]) == pytest.approx(np.std(voice[loud]), rel=0.1)


def test_comfort_noise_fills_pauses_only(voice: Samples) -> None:
    params = {"threshold_db": -30.0, "hangover": 2, "level_dbfs": -50.0, "pole": 0.5, "seed": 1}
    after = ComfortNoise().apply(voice, params)
    pause, loud = slice(4200, 5000), slice(1000, 1600)
    assert 20 * np.log10(np.std(after[pause])) == pytest.approx(-50.0, abs=1.0)
    np.testing.assert_array_equal(after[loud], voice[loud])


def test_agc_narrows_the_level_range(voice: Samples) -> None:
    quiet_then_loud = np.concatenate([0.1 * voice, voice, voice])
    params = {"seconds": 0.3, "strength": 1.0, "max_db": 15.0}
    after = AutomaticGain().apply(quiet_then_loud, params)
    ratio = np.std(after[32000:]) / np.std(after[8000:16000])
    assert ratio < 0.5 * np.std(voice) / np.std(0.1 * voice[8000:])


def test_clipping_limits_the_peak(voice: Samples) -> None:
    peak = np.abs(voice).max()
    for soft in (False, True):
        after = Clipping().apply(voice, {"depth_db": 6.0, "soft": soft})
        assert np.abs(after).max() <= peak * 0.502


def test_packet_loss_repeats_fades_and_zeroes() -> None:
    samples = np.repeat(np.arange(1.0, 7.0, dtype=np.float32), 160)
    faded = PacketLoss().apply(samples, {"lost": [2, 3, 5], "zero": False, "fade": 0.5})
    np.testing.assert_array_equal(faded[::160], [1, 2, 2, 1, 5, 5])
    zeroed = PacketLoss().apply(samples, {"lost": [0, 3], "zero": True, "fade": 0.5})
    np.testing.assert_array_equal(zeroed[::160], [0, 2, 3, 0, 5, 6])


def test_packet_loss_has_the_drawn_rate() -> None:
    samples = np.zeros(160 * 40000, np.float32)
    lost = PacketLoss(loss=(0.05, 0.05)).randomize(samples, np.random.default_rng(8))["lost"]
    assert len(lost) / 40000 == pytest.approx(0.05, abs=0.01)


def test_room_keeps_place_and_energy(voice: Samples) -> None:
    after = Room(rirs=(RIR,)).apply(voice, {"rir": 0, "wet": 1.0})
    assert lag(voice, after) == 0
    assert np.std(after) == pytest.approx(np.std(voice), rel=1e-3)
    dry = Room(rirs=(RIR,)).apply(voice, {"rir": 0, "wet": 0.0})
    np.testing.assert_allclose(dry, voice, atol=1e-6)


def test_speed_moves_pitch_and_pads_with_silence() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(8000) / 8000).astype(np.float32)
    faster = Speed().apply(tone, {"factor": 1.08})
    spectrum = np.abs(np.fft.rfft(faster[:4000]))
    assert np.argmax(spectrum) * 2 == 540
    np.testing.assert_array_equal(faster[7500:], 0.0)
    assert Speed().apply(tone, {"factor": 0.92})[-400:].std() > 0.5


def test_equaliser_sections() -> None:
    for kind in ("peak", "low_shelf", "high_shelf"):
        np.testing.assert_allclose(
            biquad(kind, 1000.0, 0.0, 0.7)[:3], biquad(kind, 1000.0, 0, 0.7)[3:]
        )
    shelf = biquad("low_shelf", 500.0, 6.0, 0.7)
    assert 20 * np.log10(shelf[:3].sum() / shelf[3:].sum()) == pytest.approx(6.0, abs=1e-6)
    shelf = biquad("high_shelf", 500.0, -6.0, 0.7)
    signs = np.array([1, -1, 1])
    nyquist = (shelf[:3] * signs).sum() / (shelf[3:] * signs).sum()
    assert 20 * np.log10(nyquist) == pytest.approx(-6.0, abs=1e-6)
    with pytest.raises(ValueError, match="got 'notch'"):
        biquad("notch", 1000.0, 1.0, 1.0)


@given(length=st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
def test_stft_reconstructs(length: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    np.testing.assert_allclose(synthesise(analyse(samples), length), samples, atol=2e-6)


@pytest.mark.parametrize("level", [1, 4])
def test_webrtc_suppression_keeps_time_and_level_and_quietens_pauses(level: int) -> None:
    rng = np.random.default_rng(3)
    speech = rng.standard_normal(8000).astype(np.float32)
    # Syllables: suppression takes a steady sound for noise.
    voice = 0.1 * speech * (np.sin(2 * np.pi * 4 * np.arange(8000) / 8000) > 0)
    noisy = np.concatenate([np.zeros(16000, np.float32), np.tile(voice, 2)]).astype(np.float32)
    noisy += 0.002 * rng.standard_normal(len(noisy)).astype(np.float32)
    quiet = WebRtcSuppression().apply(noisy, {"level": level})
    assert quiet.dtype == np.float32
    assert abs(lag(noisy[16000:], quiet[16000:])) <= 8

    def level_db(samples: Samples) -> float:
        return float(10 * np.log10(np.mean(np.square(samples))))

    pause, word = slice(8000, 15000), slice(16000, 17000)
    assert level_db(quiet[pause]) < level_db(noisy[pause]) - (4 if level == 1 else 12)
    assert level_db(quiet[word]) > level_db(noisy[word]) - 6

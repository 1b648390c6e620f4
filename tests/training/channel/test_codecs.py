from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from ringtrue.training.channel.amr_nb import BIT_RATES as AMR_RATES
from ringtrue.training.channel.amr_nb import AmrNb
from ringtrue.training.channel.av_codec import CodecSpec, codec_delay, lag, round_trip
from ringtrue.training.channel.base import Samples, Transform
from ringtrue.training.channel.g726 import BIT_RATES as G726_RATES
from ringtrue.training.channel.g726 import G726
from ringtrue.training.channel.media_history import BIT_RATES as MEDIA_RATES
from ringtrue.training.channel.media_history import MediaHistory
from ringtrue.training.channel.opus_nb import OpusNb
from ringtrue.training.channel.presets import CODECS, codec_only

SETTINGS: dict[str, tuple[Transform, dict[str, object]]] = {
    **{f"AMR {r}": (AmrNb(), {"bit_rate": r, "dtx": False}) for r in AMR_RATES},
    "AMR DTX": (AmrNb(), {"bit_rate": 7950, "dtx": True}),
    **{f"G.726 {r}": (G726(), {"bit_rate": r}) for r in G726_RATES},
    **{
        f"Opus {a} {ms} ms": (OpusNb(), {"bit_rate": 12000, "frame_ms": ms, "application": a})
        for a in ("voip", "audio")
        for ms in (20, 40, 60)
    },
    **{
        f"{kind} {rate}": (
            MediaHistory(),
            {"format": kind, "sample_rate": rate, "bit_rate": rates[0], "quality": 0.3},
        )
        for kind, by_rate in MEDIA_RATES.items()
        for rate, rates in by_rate.items()
    },
}


def in_band(samples: Samples) -> Samples:
    """300-3000 Hz: codecs differ in what they do to the edges of the band."""
    band = butter(4, (300, 3000), "bandpass", fs=8000, output="sos")
    return np.asarray(sosfiltfilt(band, samples), dtype=np.float32)


def check(before: Samples, after: Samples, floor: float) -> None:
    assert after.dtype == np.float32
    assert after.shape == before.shape
    assert np.isfinite(after).all()
    assert not np.array_equal(before, after)
    left, right = in_band(before), in_band(after)
    assert abs(lag(left, right)) <= 8
    assert np.corrcoef(left, right)[0, 1] > floor
    assert 0.5 < np.std(right) / np.std(left) < 1.5


@pytest.mark.parametrize("name", CODECS)
def test_codec_keeps_time_and_speech(name: str, speech: tuple[Samples, ...]) -> None:
    for clip in speech:
        after = codec_only(name)(clip, np.random.default_rng(0))
        check(clip, after, 0.6 if name == "opus_6" else 0.75)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_keeps_time_and_speech(name: str, speech: tuple[Samples, ...]) -> None:
    transform, params = SETTINGS[name]
    check(speech[0], transform.apply(speech[0], params), 0.75)


def test_quality_rises_with_the_rate_of_g726(speech: tuple[Samples, ...]) -> None:
    errors = [
        float(np.mean((G726().apply(speech[0], {"bit_rate": r}) - speech[0]) ** 2))
        for r in G726_RATES
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("length", [1, 80, 799, 8001])
def test_lengths_silence_clipping_and_tiny_levels(name: str, length: int) -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_normal(length).astype(np.float32)
    for samples in (np.zeros(length, np.float32), np.sign(noise), 1e-5 * noise, 3.0 * noise):
        after = codec_only(name)(samples, np.random.default_rng(0))
        assert after.shape == samples.shape
        assert after.dtype == np.float32
        assert np.isfinite(after).all()


@pytest.mark.parametrize("name", CODECS)
def test_same_seed_same_samples(name: str, voice: Samples) -> None:
    first = codec_only(name)(voice, np.random.default_rng(5))
    np.testing.assert_array_equal(first, codec_only(name)(voice, np.random.default_rng(5)))


def test_dtx_replaces_pauses(speech: tuple[Samples, ...]) -> None:
    clip = np.concatenate([speech[0], 1e-3 * np.ones(8000, np.float32), speech[1]])
    with_dtx = AmrNb().apply(clip, {"bit_rate": 7950, "dtx": True})
    without = AmrNb().apply(clip, {"bit_rate": 7950, "dtx": False})
    assert not np.array_equal(with_dtx, without)


def test_failures_name_the_codec() -> None:
    missing = CodecSpec(name="EVS", encoder="no_such_codec", decoder="no_such_codec")
    with pytest.raises(ValueError, match=r"codec EVS failed \(no_such_codec\)"):
        round_trip(np.zeros(800, np.float32), missing)
    bad_rate = CodecSpec(name="AMR 1", encoder="libopencore_amrnb", decoder="amrnb", sample_rate=1)
    with pytest.raises(ValueError, match="codec AMR 1 failed"):
        round_trip(np.zeros(800, np.float32), bad_rate)
    with pytest.raises(ValueError, match=r"expected a codec of g711_alaw, .*got 'g729'"):
        codec_only("g729")


def test_lag_is_signed() -> None:
    noise = np.random.default_rng(6).standard_normal(1000)
    assert lag(noise, np.concatenate([np.zeros(13), noise])) == 13
    assert lag(noise, noise[13:]) == -13


def test_delay_is_measured_once() -> None:
    spec = CodecSpec("AMR-NB 4750", "libopencore_amrnb", "libopencore_amrnb", bit_rate=4750)
    assert codec_delay(spec) == 40  # 5 ms of look-ahead
    assert codec_delay(spec) == 40
    assert codec_delay.cache_info().hits >= 1

from __future__ import annotations

import numpy as np
import pytest

from ringtrue.training.channel.av_codec import lag
from ringtrue.training.channel.base import Samples
from ringtrue.training.channel.levels import active_level
from ringtrue.training.channel.presets import harmonise


def test_active_level_is_minus_26_dbfs_at_any_input_level(speech: tuple[Samples, ...]) -> None:
    for clip in speech:
        for gain in (0.01, 0.2, 1.0):
            after = harmonise()(clip * np.float32(gain), np.random.default_rng(0))
            assert active_level(after) == pytest.approx(-26.0, abs=0.2)


@pytest.mark.parametrize(
    ("hertz", "lowest", "highest"),
    [(100, -300, -35), (200, -300, -25), (500, -0.5, 0.5), (3000, -0.5, 0.5), (3700, -300, -30)],
)
def test_band_limits(hertz: int, lowest: float, highest: float) -> None:
    # A 1 kHz tone 20 dB above sets the level, so that the probe tone shows the filter's gain.
    time = np.arange(24000) / 8000
    probe = 0.01 * np.sin(2 * np.pi * hertz * time)
    samples = (0.1 * np.sin(2 * np.pi * 1000 * time) + probe).astype(np.float32)
    after = harmonise()(samples, np.random.default_rng(0))[4000:20000]
    spectrum = np.abs(np.fft.rfft(after * np.hanning(16000)))
    gain = 20 * np.log10(spectrum[hertz * 2] / spectrum[2000]) + 20
    assert lowest <= gain <= highest


def test_aligned_and_deterministic(speech: tuple[Samples, ...]) -> None:
    after = harmonise()(speech[0], np.random.default_rng(0))
    assert lag(speech[0], after) == 0
    assert after.dtype == np.float32
    assert after.shape == speech[0].shape
    np.testing.assert_array_equal(after, harmonise()(speech[0], np.random.default_rng(99)))


def test_output_is_mu_law(speech: tuple[Samples, ...]) -> None:
    assert len(np.unique(harmonise()(speech[0], np.random.default_rng(0)))) <= 255


def test_silence_stays_silent() -> None:
    after = harmonise()(np.zeros(800, np.float32), np.random.default_rng(0))
    np.testing.assert_array_equal(after, 0.0)

from __future__ import annotations

import numpy as np
import pytest

from ringtrue.training import mel as mel_module
from ringtrue.training.mel import griffin_lim_voice, mel_of

pytest.importorskip("librosa")


def test_mel_bands_of_a_tone() -> None:
    time = np.arange(22050) / 22050
    mel = mel_module.mel_spectrogram(np.sin(2 * np.pi * 1000 * time).astype(np.float32))
    assert mel.shape == (80, 86)
    assert mel.dtype == np.float32
    # 80 bands up to 8 kHz: 1 kHz is 15 of 45.2 mel (Slaney), so 26.5 of 80 bands up.
    assert np.all(np.argmax(mel[:, 4:-4], axis=0) == 26)


def test_silence_has_the_floor_of_the_vocoder() -> None:
    mel = mel_module.mel_spectrogram(np.zeros(4096, np.float32))
    assert mel.max() < np.log(1e-3)


def test_audio_of_a_spectrogram_has_its_length_and_pitch() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.float32)
    mel = mel_of(tone)
    # One second is 86 frames of 11.6 ms.
    assert mel.shape == (80, 86)
    voice = griffin_lim_voice(mel, 32, 0.99, np.random.default_rng(0))
    assert voice.dtype == np.float32
    # Frames are centred, so the audio spans one hop less: 85 * 256 samples at 22.05 kHz.
    assert len(voice) == round(85 * 256 / 22050 * 8000)
    spectrum = np.abs(np.fft.rfft(voice[1000:7000]))
    # Mel bands at 1 kHz are 100 Hz wide.
    assert np.argmax(spectrum) / 6000 * 8000 == pytest.approx(1000, abs=50)
    again = griffin_lim_voice(mel, 32, 0.99, np.random.default_rng(0))
    np.testing.assert_array_equal(voice, again)

"""Mel spectrograms as HiFi-GAN and MelGAN take them, and audio of them without a network."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from ringtrue.training.channel.base import SAMPLE_RATE, Samples

MEL_RATE = 22050
"""Hz of the audio that the spectrograms are of."""
MEL_HOP = 256
"""Samples per frame (11.6 ms)."""
_SIZE = 1024
_BANDS = 80
_HIGHEST_HZ = 8000.0


def mel_of(samples: Samples) -> NDArray[np.float32]:
    """:func:`mel_spectrogram` of audio at 8 kHz; bands above 4 kHz are empty."""
    return mel_spectrogram(soxr.resample(samples, SAMPLE_RATE, MEL_RATE))


def mel_spectrogram(wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log mel magnitudes [80, frames] of audio at 22.05 kHz, as HiFi-GAN was trained with."""
    import librosa

    padded = np.pad(wide, (_SIZE - MEL_HOP) // 2, mode="reflect")
    spectrum = librosa.stft(padded, n_fft=_SIZE, hop_length=MEL_HOP, center=False)
    magnitude = np.sqrt(np.square(np.abs(spectrum)) + 1e-9)
    mel = np.log(np.maximum(_filters() @ magnitude, 1e-5))
    return np.asarray(mel, dtype=np.float32)


def griffin_lim_voice(
    mel: NDArray[np.float32], iterations: int, momentum: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Audio at 8 kHz of log mel magnitudes [80, frames], phases estimated (Griffin, Lim 1984).

    Args:
        mel: of :func:`mel_of`.
        iterations: 1 or more.
        momentum: 0 to 1; above 0 the fast variant (Perraudin et al. 2013).
        rng: of the first phases.
    """
    import librosa

    signal = librosa.griffinlim(
        np.maximum(_inverse() @ np.exp(mel), 1e-6),
        n_iter=iterations,
        hop_length=MEL_HOP,
        n_fft=_SIZE,
        momentum=momentum,
        random_state=int(rng.integers(2**31)),
    )
    return at_line_rate(signal)


def at_line_rate(wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """Audio at 22.05 kHz brought to 8 kHz."""
    return np.asarray(soxr.resample(wide, MEL_RATE, SAMPLE_RATE), dtype=np.float32)


@cache
def _filters() -> NDArray[np.float32]:
    import librosa

    filters = librosa.filters.mel(sr=MEL_RATE, n_fft=_SIZE, n_mels=_BANDS, fmax=_HIGHEST_HZ)
    return np.asarray(filters, dtype=np.float32)


@cache
def _inverse() -> NDArray[np.float32]:
    return np.asarray(np.linalg.pinv(_filters()), dtype=np.float32)

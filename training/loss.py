"""The training loss: robot or human at every amount of speech, and the speech gate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ringtrue.model.detector import CropOutput
from ringtrue.model.pool import FRAME_SECONDS
from ringtrue.training.compose import NONSPEECH
from ringtrue.training.recipe import TrainConfig


@dataclass(frozen=True)
class Loss:
    """Parts of the loss, scalars."""

    total: Tensor
    voice: Tensor
    speech: Tensor


def crop_loss(output: CropOutput, speech: Tensor, targets: Tensor, config: TrainConfig) -> Loss:
    """Loss of one batch.

    The score is read after every chunk. Each reading weighs by how much the logarithm of the
    speech heard grew with it, so that early verdicts (0.5 to 1 s) count as much as late ones
    (4 to 8 s).

    Args:
        output: of :meth:`Detector.forward_features`.
        speech: [batch, frames] speech probability labels.
        targets: [batch] 1 robot, 0 human, -1 non-speech.
        config: smoothing and weights.
    """
    batch, chunks = output.score.shape
    added = output.gate.reshape(batch, chunks, -1).sum(dim=2) * FRAME_SECONDS
    heard = torch.cumsum(added, dim=1)
    weight = torch.where(heard >= config.first_readout, added / heard.clamp(min=1e-3), 0.0)
    weight = weight * (targets != NONSPEECH)[:, None]
    smooth = targets.clamp(min=0) * (1 - 2 * config.label_smoothing) + config.label_smoothing
    each = F.binary_cross_entropy_with_logits(
        output.score, smooth[:, None].expand(-1, chunks), reduction="none"
    )
    per_crop = (each * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-3)
    counted = weight.sum(dim=1) > 0
    voice = (per_crop * counted).sum() / counted.sum().clamp(min=1)
    gate = F.binary_cross_entropy_with_logits(output.speech_logits, speech)
    return Loss(voice + config.speech_weight * gate, voice, gate)

"""The training loss: robot or human at every amount of speech, pairs in order, the speech gate."""

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
    order: Tensor
    speech: Tensor


def crop_loss(
    output: CropOutput, speech: Tensor, targets: Tensor, config: TrainConfig, pairs: int = 0
) -> Loss:
    """Loss of one batch.

    The score is read after every chunk. Each reading weighs by how much the logarithm of the
    speech heard grew with it, so that early verdicts (0.5 to 1 s) count as much as late ones
    (4 to 8 s).

    Pairs share speaker or source, and the line: only their order counts besides, the logistic loss
    of the difference of their scores (RankNet, Burges et al., ICML 2005; conditional logistic
    regression of matched pairs), in which whatever both share cancels out.

    Args:
        output: of :meth:`Detector.forward_features`.
        speech: [batch, frames] speech probability labels.
        targets: [batch] 1 robot, 0 human, -1 non-speech.
        config: smoothing and weights.
        pairs: how many pairs end the batch, see :class:`~ringtrue.training.batches.Batch`.
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
    order = _order_loss(output.score, weight, pairs) if pairs else torch.zeros_like(voice)
    total = voice + config.pair_weight * order + config.speech_weight * gate
    return Loss(total, voice, order, gate)


def _order_loss(score: Tensor, weight: Tensor, pairs: int) -> Tensor:
    """Mean over pairs of softplus(human - robot), weighted where both have been heard."""
    batch = len(score)
    human, robot = slice(batch - 2 * pairs, batch - pairs), slice(batch - pairs, batch)
    both = torch.minimum(weight[human], weight[robot])
    each = F.softplus(score[human] - score[robot])
    heard = both.sum(dim=1)
    per_pair = (each * both).sum(dim=1) / heard.clamp(min=1e-3)
    return per_pair.sum() / (heard > 0).sum().clamp(min=1)

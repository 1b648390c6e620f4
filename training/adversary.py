"""Adversary that must not learn the source: domain-adversarial training within a class.

A head guesses from which source a crop comes; its gradient reaches the network reversed, so that
the network learns embeddings from which the guess fails (Ganin et al., JMLR 2016). A guess over
both classes would also take the class away, so each class has its own head, and people may have
one alone: recordings of people should look alike wherever they come from, while synthesizers may
differ (single-side domain generalisation: Jia et al., CVPR 2020; for synthetic speech Xie et al.,
IEEE TIFS 2024).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ringtrue.model.detector import CropOutput
from ringtrue.training.compose import HUMAN, ROBOT


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


class SourceAdversary(nn.Module):
    """Guesses the source of a crop from the mean of its embeddings over speech.

    Args:
        channels: of the embeddings.
        sources: how many sources each class has; a class that is absent has no head.
        hidden: units of the heads.
    """

    def __init__(self, channels: int, sources: dict[int, int], hidden: int = 64) -> None:
        super().__init__()
        unknown = set(sources) - {HUMAN, ROBOT}
        if unknown or not sources:
            raise ValueError(f"expected sources of classes {HUMAN} or {ROBOT}, got {sources}")
        self.heads = nn.ModuleDict(
            {
                str(target): nn.Sequential(
                    nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, count)
                )
                for target, count in sources.items()
            }
        )

    def forward(self, output: CropOutput, targets: Tensor, groups: Tensor) -> Tensor:
        """Cross-entropy of the guess relative to blind guessing, about 1 when it fails; scalar.

        Args:
            output: of :meth:`Detector.forward_features`.
            targets: [batch] class of each crop.
            groups: [batch] int64, number of the source within its class.
        """
        gate = output.gate[:, None, :]
        mean = (output.embeddings * gate).sum(dim=2) / gate.sum(dim=2).clamp(min=1.0)
        heard = output.gate.sum(dim=1) > 0
        mean = _Reverse.apply(mean)
        losses = []
        for name, head in self.heads.items():
            rows = (targets == int(name)) & heard
            if rows.any():
                guess = head(mean[rows])
                blind = torch.log(torch.tensor(float(max(2, guess.shape[1]))))
                losses.append(F.cross_entropy(guess, groups[rows]) / blind)
        if not losses:
            return output.embeddings.sum() * 0.0
        return torch.stack(losses).mean()

"""Frame evidence of two Gaussian mixtures over cepstra, one per class, as layers of the graph.

The classical LFCC-GMM detector (Sahidullah et al., Interspeech 2015; baseline of ASVspoof 2019 to
2021) sees single frames with their differences and adds their log-likelihood ratios. It learns the
short-time texture of speech and cannot learn what takes a second, so that it errs elsewhere than
the network does. A mixture with diagonal covariances is a linear layer on the features and their
squares, followed by a log-sum-exp over its components.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ringtrue.model.cepstra import Cepstra, late_flags

_LARGEST = 8.0
"""Frame log-likelihood ratios are cut here, so that no single frame decides."""


@dataclass(frozen=True)
class MixtureConfig:
    """Parameters of the mixtures.

    Attributes:
        components: of each mixture; 0 leaves the mixtures out.
        cepstra: coefficients per frame, before differences.
        differences: up to which order differences follow the cepstra, 1 or 2.
        loud_only: frames that are not loud (as the mean normalisation counts them) say nothing; the
            mixtures are fitted to loud frames.
    """

    components: int = 0
    cepstra: int = 20
    differences: int = 2
    loud_only: bool = False

    def __post_init__(self) -> None:
        if self.components < 0 or self.cepstra < 1 or self.differences not in (1, 2):
            raise ValueError(
                "expected components >= 0, cepstra >= 1 and differences of 1 or 2, "
                f"got {self.components}, {self.cepstra} and {self.differences}"
            )


class Mixture(nn.Module):
    """Normalised log bands to a log-likelihood ratio robot : human per frame.

    Differences look ahead, so the ratios come 20 ms (two frames) late per order; the state bridges
    chunks.
    """

    def __init__(self, config: MixtureConfig, bands: int) -> None:
        super().__init__()
        self.config = config
        self.cepstra = Cepstra(bands, config.cepstra, config.differences)
        self.log_density = nn.Conv1d(2 * self.cepstra.values, 2 * config.components, 1)

    @property
    def cache_shape(self) -> tuple[int, int]:
        """Cepstra of the frames before a chunk, and which of these were loud, if that counts."""
        count, frames = self.cepstra.cache_shape
        return (count + int(self.config.loud_only), frames)

    def set_densities(self, weights: Tensor, means: Tensor, variances: Tensor) -> None:
        """Take over fitted mixtures.

        Args:
            weights: [2, components], robot first, each row summing to 1.
            means, variances: [2, components, features].
        """
        quadratic = -0.5 / variances
        linear = means / variances
        constant = torch.log(weights) - 0.5 * (
            torch.log(2 * torch.pi * variances) + means * means / variances
        ).sum(dim=2)
        with torch.no_grad():
            stacked = torch.cat([linear, quadratic], dim=2).flatten(0, 1)
            self.log_density.weight.copy_(stacked[:, :, None])
            self.log_density.bias.copy_(constant.flatten())  # type: ignore[union-attr]

    def forward(self, bands: Tensor, loud: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Log-likelihood ratios [batch, frames] in -8..8 and the new cache.

        Args:
            bands: [batch, bands, frames] normalised log bands.
            loud: [batch, 1, frames] 1 where a frame is loud, else 0.
            cache: [batch, *cache_shape] of the previous chunk; zeros at the start of a call.
        """
        values, kept = self.cepstra(bands, cache[:, : self.config.cepstra])
        density = self.log_density(torch.cat([values, values * values], dim=1))
        components = self.config.components
        robot = torch.logsumexp(density[:, :components], dim=1)
        human = torch.logsumexp(density[:, components:], dim=1)
        ratios = torch.clamp(robot - human, -_LARGEST, _LARGEST)
        if not self.config.loud_only:
            return ratios, kept
        flags, loud_kept = late_flags(loud, cache[:, -1:], self.cepstra.late)
        return ratios * flags, torch.cat([kept, loud_kept], dim=1)

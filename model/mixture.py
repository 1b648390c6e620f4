"""Frame evidence of two Gaussian mixtures over cepstra, one per class, as layers of the graph.

The classical LFCC-GMM detector (Sahidullah et al., Interspeech 2015; baseline of ASVspoof 2019 to
2021) sees single frames with their first and second differences and adds their log-likelihood
ratios. It learns the short-time texture of speech and cannot learn what takes a second, so that it
errs elsewhere than the network does. A mixture with diagonal covariances is a linear layer on the
features and their squares, followed by a log-sum-exp over its components.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ringtrue.model.frontend import dct_matrix

_REACH = 2
"""Frames on either side that a difference looks at."""
_LARGEST = 8.0
"""Frame log-likelihood ratios are cut here, so that no single frame decides."""


@dataclass(frozen=True)
class MixtureConfig:
    """Parameters of the mixtures.

    Attributes:
        components: of each mixture; 0 leaves the mixtures out.
        cepstra: coefficients per frame, before differences.
    """

    components: int = 0
    cepstra: int = 20

    def __post_init__(self) -> None:
        if self.components < 0 or self.cepstra < 1:
            raise ValueError(
                "expected components >= 0 and cepstra >= 1, "
                f"got {self.components} and {self.cepstra}"
            )

    @property
    def features(self) -> int:
        """Values per frame: cepstra, their first and their second differences."""
        return 3 * self.cepstra


class Mixture(nn.Module):
    """Normalised log bands to a log-likelihood ratio robot : human per frame.

    Differences look ahead, so the ratios come 40 ms (four frames) late; the state bridges chunks.
    """

    dct: Tensor
    difference: Tensor

    def __init__(self, config: MixtureConfig, bands: int) -> None:
        super().__init__()
        self.config = config
        cepstra = config.cepstra
        # The usual regression over five frames.
        slope = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32) / 10.0
        constants = {
            "dct": torch.from_numpy(dct_matrix(bands)[:cepstra])[:, :, None],
            "difference": slope.expand(cepstra, 1, -1).clone(),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.log_density = nn.Conv1d(2 * config.features, 2 * config.components, 1)

    @property
    def cache_shape(self) -> tuple[int, int]:
        """Cepstra of the frames before a chunk."""
        return (self.config.cepstra, 4 * _REACH)

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

    def features(self, bands: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Cepstra with differences [batch, features, frames], four frames late, and new cache."""
        joined = torch.cat([cache, F.conv1d(bands, self.dct)], dim=2)
        groups = self.config.cepstra
        first = F.conv1d(joined, self.difference, groups=groups)
        second = F.conv1d(first, self.difference, groups=groups)
        static = joined[:, :, 2 * _REACH : -2 * _REACH]
        values = torch.cat([static, first[:, :, _REACH:-_REACH], second], dim=1)
        return values, joined[:, :, -4 * _REACH :]

    def forward(self, bands: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Log-likelihood ratios [batch, frames] in -8..8 and the new cache.

        Args:
            bands: [batch, bands, frames] normalised log bands.
            cache: [batch, cepstra, 8] of the previous chunk; zeros at the start of a call.
        """
        values, cache = self.features(bands, cache)
        density = self.log_density(torch.cat([values, values * values], dim=1))
        components = self.config.components
        robot = torch.logsumexp(density[:, :components], dim=1)
        human = torch.logsumexp(density[:, components:], dim=1)
        return torch.clamp(robot - human, -_LARGEST, _LARGEST), cache

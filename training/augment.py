"""Augmentation of features: random equaliser, SpecAugment masks. The same for both classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ringtrue.model.frontend import NEPERS_PER_DB
from ringtrue.training.recipe import TrainConfig

_FEATURE_SCALE = 4.0
"""Nepers of power per unit of feature, as the frontend scales them."""


def random_equaliser(features: Tensor, deviation_db: float, generator: torch.Generator) -> Tensor:
    """Add a smooth random curve over frequency: the log spectrum of a random linear filter.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        deviation_db: standard deviation of the curve in dB.
        generator: source of randomness.
    """
    batch, bands, _ = features.shape
    terms = 6
    position = (torch.arange(bands, dtype=torch.float32) + 0.5) / bands
    basis = torch.stack([torch.cos(math.pi * k * position) for k in range(1, terms + 1)])
    amplitude = torch.randn(batch, terms, generator=generator) * math.sqrt(2 / terms)
    curve = amplitude @ basis * deviation_db * NEPERS_PER_DB / _FEATURE_SCALE
    # A different amount per crop, so that clean spectra stay part of training.
    curve = curve * torch.rand(batch, 1, generator=generator) * 1.5
    return features + curve[:, :, None]


def mask_features(features: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """SpecAugment (Park et al., Interspeech 2019): masks are filled with the crop's mean."""
    batch, bands, frames = features.shape
    keep = torch.ones(batch, bands, frames, dtype=torch.bool)
    band = torch.arange(bands)[None, :]
    frame = torch.arange(frames)[None, :]
    for _ in range(config.frequency_masks):
        width = torch.rand(batch, 1, generator=generator) * bands * 0.15
        start = torch.rand(batch, 1, generator=generator) * (bands - width)
        keep &= ~((band >= start) & (band < start + width))[:, :, None]
    for _ in range(config.time_masks):
        width = torch.rand(batch, 1, generator=generator) * 25
        start = torch.rand(batch, 1, generator=generator) * (frames - width)
        keep &= ~((frame >= start) & (frame < start + width))[:, None, :]
    return torch.where(keep, features, features.mean(dim=(1, 2), keepdim=True))

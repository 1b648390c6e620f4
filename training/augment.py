"""Augmentation of features: random equaliser, noise floor, masks. The same for both classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ringtrue.model.frontend import NEPERS_PER_DB
from ringtrue.training.recipe import TrainConfig

_FEATURE_SCALE = 4.0
"""Nepers of power per unit of feature, as the frontend scales them."""
_PER_DB = NEPERS_PER_DB / _FEATURE_SCALE
"""Features per dB."""


def random_equaliser(features: Tensor, deviation_db: float, generator: torch.Generator) -> Tensor:
    """Add a smooth random curve over frequency: the log spectrum of a random linear filter.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        deviation_db: standard deviation of the curve in dB.
        generator: source of randomness.
    """
    batch, bands, _ = features.shape
    curve = _smooth_curves(batch, bands, generator) * deviation_db
    # A different amount per crop, so that clean spectra stay part of training.
    curve = curve * torch.rand(batch, 1, generator=generator) * 1.5
    return features + (curve * _PER_DB)[:, :, None]


def random_floor(
    features: Tensor, probability: float, floor_db: float, generator: torch.Generator
) -> Tensor:
    """Raise the noise floor of some crops by steady coloured noise, added as power.

    Synthetic speech is cleaner than recorded speech; a floor that is drawn alike for both classes
    keeps the network from reading the class off the pauses.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        probability: part of the crops that get a floor.
        floor_db: how far the frontend's own floor lies below the reference level, dB.
        generator: source of randomness.
    """
    batch, bands, _ = features.shape
    low, high = -floor_db, -22.0
    level = low + (high - low) * torch.rand(batch, 1, generator=generator)
    curve = level + _smooth_curves(batch, bands, generator) * 5.0
    # The frontend maps the reference level to floor / 2 features above zero.
    noise = (curve + floor_db / 2) * _PER_DB
    chosen = torch.rand(batch, 1, generator=generator) < probability
    noise = torch.where(chosen, noise, torch.tensor(-1e4))
    # The log power of a band of Gaussian noise varies by about 1.2 nepers from frame to frame.
    flicker = torch.randn(features.shape, generator=generator) * 1.2 / _FEATURE_SCALE
    noisy = torch.logaddexp(
        features * _FEATURE_SCALE, (noise[:, :, None] + flicker) * _FEATURE_SCALE
    )
    return noisy / _FEATURE_SCALE


def _smooth_curves(batch: int, bands: int, generator: torch.Generator) -> Tensor:
    """Random smooth functions of frequency with unit standard deviation, [batch, bands]."""
    terms = 6
    position = (torch.arange(bands, dtype=torch.float32) + 0.5) / bands
    basis = torch.stack([torch.cos(math.pi * k * position) for k in range(1, terms + 1)])
    amplitude = torch.randn(batch, terms, generator=generator) * math.sqrt(2 / terms)
    return amplitude @ basis


def mask_features(
    features: Tensor, config: TrainConfig, strength: float, generator: torch.Generator
) -> Tensor:
    """SpecAugment (Park et al., Interspeech 2019): masks are filled with the crop's mean.

    Args:
        features: [batch, bands, frames].
        config: number of masks.
        strength: 0..1, factor on the width of the masks (at most 15 % of the bands, 0.25 s).
        generator: source of randomness.
    """
    batch, bands, frames = features.shape
    keep = torch.ones(batch, bands, frames, dtype=torch.bool)
    band = torch.arange(bands)[None, :]
    frame = torch.arange(frames)[None, :]
    for _ in range(config.frequency_masks):
        width = torch.rand(batch, 1, generator=generator) * bands * 0.15 * strength
        start = torch.rand(batch, 1, generator=generator) * (bands - width)
        keep &= ~((band >= start) & (band < start + width))[:, :, None]
    for _ in range(config.time_masks):
        width = torch.rand(batch, 1, generator=generator) * 25 * strength
        start = torch.rand(batch, 1, generator=generator) * (frames - width)
        keep &= ~((frame >= start) & (frame < start + width))[:, None, :]
    return torch.where(keep, features, features.mean(dim=(1, 2), keepdim=True))


def augment(
    features: Tensor,
    config: TrainConfig,
    floor_db: float,
    strength: float,
    generator: torch.Generator,
) -> Tensor:
    """All augmentations at a strength of 0..1; see :class:`TrainConfig`."""
    features = random_equaliser(features, config.equaliser_db * strength, generator)
    probability = config.floor_probability * strength
    features = random_floor(features, probability, floor_db, generator)
    return mask_features(features, config, strength, generator)

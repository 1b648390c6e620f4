"""Augmentation of features: mixed styles, random equaliser, room, noise floor, masks.

Equaliser and masks are the same for both classes. Room and noise floor may come more often to
synthetic voices: recorded ones bring a room and a background of their own, most synthetic ones
none, and a detector must not take a dry voice for a synthetic one, nor a synthesizer that copies
the room of its prompt for a person.
"""

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


def random_room(
    features: Tensor,
    probability: Tensor,
    generator: torch.Generator,
    frames_per_second: float = 100.0,
) -> Tensor:
    """Give some crops the tail of a room: late reverberation as decaying power per band.

    The tail is the power heard so far with exponential decay, as in Polack's model of a room's
    late response (used so by Lebart, Boucher and Denbigh, 2001), 0.15 to 0.8 s to −60 dB, 2 to
    22 dB below the direct sound, with the fluctuation of diffuse sound.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        probability: [batch] chance of each crop.
        generator: source of randomness.
        frames_per_second: of the features.
    """
    batch, _, frames = features.shape
    chosen = torch.rand(batch, generator=generator) < probability
    decay_seconds = 0.15 + 0.65 * torch.rand(batch, 1, generator=generator)
    below_db = 2.0 + 20.0 * torch.rand(batch, generator=generator)
    taps = torch.arange(1, min(frames, 80) + 1, dtype=torch.float32)
    per_frame = math.log(1e6) / (decay_seconds * frames_per_second)
    kernel = torch.exp(-per_frame * taps)
    kernel = kernel / kernel.sum(dim=1, keepdim=True) * 10 ** (-below_db / 10)[:, None]
    size = frames + len(taps)
    power = torch.exp(features * _FEATURE_SCALE)
    delayed = torch.nn.functional.pad(kernel, (1, 0))
    spectrum = torch.fft.rfft(power, n=size) * torch.fft.rfft(delayed, n=size)[:, None, :]
    tail = torch.fft.irfft(spectrum, n=size)[:, :, :frames].clamp(min=1e-30)
    # The power of a diffuse field is exponentially distributed.
    diffuse = torch.rand(features.shape, generator=generator).clamp(min=1e-4).log().neg()
    wet = torch.log(power + tail * diffuse) / _FEATURE_SCALE
    return torch.where(chosen[:, None, None], wet, features)


def random_floor(
    features: Tensor, probability: Tensor, floor_db: float, generator: torch.Generator
) -> Tensor:
    """Raise the noise floor of some crops by steady coloured noise, added as power.

    Synthetic speech is cleaner than recorded speech; a floor keeps the network from reading the
    class off the pauses.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        probability: [batch] chance of each crop.
        floor_db: how far the frontend's own floor lies below the reference level, dB.
        generator: source of randomness.
    """
    batch, bands, _ = features.shape
    low, high = -floor_db, -22.0
    level = low + (high - low) * torch.rand(batch, 1, generator=generator)
    curve = level + _smooth_curves(batch, bands, generator) * 5.0
    # The frontend maps the reference level to floor / 2 features above zero.
    noise = (curve + floor_db / 2) * _PER_DB
    chosen = torch.rand(batch, 1, generator=generator) < probability[:, None]
    noise = torch.where(chosen, noise, torch.tensor(-1e4))
    # The log power of a band of Gaussian noise varies by about 1.2 nepers from frame to frame.
    flicker = torch.randn(features.shape, generator=generator) * 1.2 / _FEATURE_SCALE
    noisy = torch.logaddexp(
        features * _FEATURE_SCALE, (noise[:, :, None] + flicker) * _FEATURE_SCALE
    )
    return noisy / _FEATURE_SCALE


def warp_frequency(features: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Stretch the frequency axis of each crop by a factor of its own.

    Other vocal tracts for the same crops (vocal tract length perturbation: Jaitly and Hinton, ICML
    workshop 2013), and other places for what a synthesizer leaves at one frequency.

    Args:
        features: [batch, bands, frames] log features of the frontend, bands linear in Hz.
        most: largest change of the factor, e.g. 0.1 for 0.9 to 1.1.
        generator: source of randomness.
    """
    batch, bands, _ = features.shape
    factor = 1 + most * (2 * torch.rand(batch, 1, generator=generator) - 1)
    place = ((torch.arange(bands) + 0.5) * factor - 0.5).clamp(0, bands - 1)
    low = place.floor().long().clamp(max=bands - 2)
    share = (place - low)[:, :, None]
    index = low[:, :, None].expand_as(features)
    return torch.lerp(features.gather(1, index), features.gather(1, index + 1), share)


def mix_styles(features: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Give some crops a band-wise mean and deviation between their own and another crop's.

    Both statistics over time belong to the recording more than to the voice: microphone, room,
    noise and how far they fill the pauses. Freq-MixStyle (Kim et al., "Domain generalization with
    relaxed instance frequency-wise normalization", Interspeech 2022; MixStyle: Zhou et al., ICLR
    2021), for log features of any class with those of any other.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        probability: chance of each crop.
        generator: source of randomness.
    """
    batch = len(features)
    deviation, mean = torch.std_mean(features, dim=2, keepdim=True)
    other = torch.randperm(batch, generator=generator)
    share = torch.rand(batch, 1, 1, generator=generator)
    chosen = torch.rand(batch, 1, 1, generator=generator) < probability
    share = torch.where(chosen, share, torch.zeros(()))
    wanted_mean = torch.lerp(mean, mean[other], share)
    wanted_deviation = torch.lerp(deviation, deviation[other], share)
    return (features - mean) * (wanted_deviation / (deviation + 1e-3)) + wanted_mean


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
    robot: Tensor,
    config: TrainConfig,
    floor_db: float,
    strength: float,
    generator: torch.Generator,
) -> Tensor:
    """All augmentations; see :class:`TrainConfig`.

    Args:
        features: [batch, bands, frames] log features of the frontend.
        robot: [batch] bool, crops of synthetic voices.
        config: probabilities and widths.
        floor_db: how far the frontend's own floor lies below the reference level, dB.
        strength: 0..1, factor on what is alike for both classes.
        generator: source of randomness.
    """
    if config.mix_styles > 0:
        features = mix_styles(features, config.mix_styles, generator)
    if config.warp > 0:
        features = warp_frequency(features, config.warp, generator)
    features = random_equaliser(features, config.equaliser_db * strength, generator)
    # What makes up for a dryness that only one class has does not fade.
    extra = config.dry_robots * robot.to(features.dtype)
    features = random_room(features, config.room_probability * strength + extra, generator)
    floor = config.floor_probability * strength + extra
    features = random_floor(features, floor, floor_db, generator)
    return mask_features(features, config, strength, generator)

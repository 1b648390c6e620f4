"""Augmentation of features: what each step may do to them, and to whom."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ringtrue.training.augment import (
    augment,
    mix_styles,
    random_equaliser,
    random_floor,
    random_room,
    warp_frequency,
)
from ringtrue.training.recipe import TrainConfig


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_keeps_shapes_and_repeats_with_a_seed() -> None:
    features = torch.randn(4, 80, 60, generator=generator())
    robot = torch.tensor([True, False, True, False])

    def augmented(seed: int, strength: float = 1.0) -> Tensor:
        return augment(features, robot, TrainConfig(), 60.0, strength, generator(seed))

    assert augmented(1).shape == features.shape
    assert torch.equal(augmented(1), augmented(1))
    assert not torch.equal(augmented(1), augmented(2))
    torch.testing.assert_close(augmented(1, 0.0), features)


def test_dry_robots_get_what_people_bring_along() -> None:
    features = torch.full((60, 80, 40), -1.0)
    robot = torch.arange(60) % 2 == 0
    config = TrainConfig(dry_robots=1.0)
    out = augment(features, robot, config, 60.0, 0.0, generator())
    torch.testing.assert_close(out[~robot], features[~robot])
    assert ((out - features)[robot].amax(dim=(1, 2)) > 0.01).all()


def test_equaliser_is_a_fixed_filter_per_crop() -> None:
    features = torch.zeros(3, 80, 10)
    out = random_equaliser(features, 5.0, generator())
    assert torch.equal(out, out[:, :, :1].expand_as(out))
    assert torch.equal(random_equaliser(features, 0.0, generator()), features)


@pytest.mark.parametrize("step", ["floor", "room"])
def test_power_is_added_never_taken(step: str) -> None:
    features = torch.full((8, 80, 40), -1.5)

    def heard(probability: float) -> Tensor:
        chance = torch.full((8,), probability)
        if step == "room":
            return random_room(features, chance, generator())
        return random_floor(features, chance, 60.0, generator())

    assert (heard(1.0) >= features - 1e-5).all()
    assert heard(1.0).mean() > features.mean()
    torch.testing.assert_close(heard(0.0), features)


def test_a_room_answers_after_a_sound_and_fades() -> None:
    features = torch.full((64, 80, 90), -1.7)
    features[:, :, 10] = 1.7
    added = (random_room(features, torch.ones(64), generator()) - features).mean(dim=(0, 1))
    # Nothing before the sound but the tail of the quiet background, and a decay behind it.
    assert added[:10].max() < 0.25
    assert added[11] > 0.5
    assert added[11] > added[20] > added[40] > added[85]
    # Diffuse sound fluctuates: exponential power has a log with a deviation of pi / sqrt(6).
    tail = random_room(features, torch.ones(64), generator())[0, :, 11] * 4.0
    assert float(tail.std()) == pytest.approx(math.pi / math.sqrt(6), rel=0.35)


def test_mixed_styles_lie_between_two_crops_and_keep_the_rest() -> None:
    features = torch.stack(
        [torch.randn(5, 200, generator=generator(k)) * (k + 1) + 10 * k for k in range(4)]
    )
    torch.testing.assert_close(
        mix_styles(features, 0.0, generator(1)), features, atol=0.02, rtol=2e-3
    )
    mixed = mix_styles(features, 1.0, generator(1))
    deviation, mean = torch.std_mean(mixed, dim=2)
    assert mixed.shape == features.shape
    assert mixed.dtype == torch.float32
    assert deviation.min() > 0.5
    assert deviation.max() < 4.6
    assert mean.min() > -0.5
    assert mean.max() < 31
    # Only mean and scale of each band change.
    before = torch.nn.functional.normalize(features - features.mean(2, keepdim=True), dim=2)
    after = torch.nn.functional.normalize(mixed - mixed.mean(2, keepdim=True), dim=2)
    torch.testing.assert_close(before, after, atol=1e-4, rtol=1e-3)


def test_warped_bands_come_from_a_stretched_axis() -> None:
    features = torch.randn(6, 80, 30, generator=generator(3))
    assert torch.equal(warp_frequency(features, 0.0, generator(1)), features)
    # A straight line over frequency becomes one of another slope, up to the highest band.
    line = ((torch.arange(80) + 0.5) / 80)[None, :, None].expand(200, 80, 4).contiguous()
    warped = warp_frequency(line, 0.1, generator(1))
    assert warped.shape == line.shape
    assert warped.dtype == torch.float32
    slope = (warped[:, 60, 0] - warped[:, 10, 0]) / (line[:, 60, 0] - line[:, 10, 0])
    assert 0.9 <= slope.min() < 0.92
    assert 1.08 < slope.max() <= 1.1
    torch.testing.assert_close(warped[:, 40, 0], slope * 40.5 / 80)
    torch.testing.assert_close(warped[..., 0], warped[..., 3])

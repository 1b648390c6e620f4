"""Frame mixtures are fitted on crops, weighted on dev, and leave the network as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training import cache as crop_cache
from ringtrue.training.cache import CropCache
from ringtrue.training.mixture_fit import choose_gain, with_mixture
from ringtrue.training.recipe import MixtureFitConfig
from ringtrue.training.validation import DevSet

pytest.importorskip("sklearn")

CONFIG = MixtureFitConfig(components=2, frames_per_crop=40, gains=(0.0, 1.0, 2.0))
TARGETS = np.array([0, 1, 0, 1, 0, 1, -1, -1], np.int8)


def _sound(seed: int, robot: bool, seconds: float = 2.0) -> np.ndarray:
    """Noise whose level flutters fast (robot) or slowly."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 8000)) / 8000
    flutter = 1 + 0.9 * np.sin(2 * np.pi * (25 if robot else 4) * time)
    return (0.05 * flutter * rng.standard_normal(len(time))).astype(np.float32)


@pytest.fixture
def crops(monkeypatch: pytest.MonkeyPatch) -> CropCache:
    monkeypatch.setattr(crop_cache, "SHARD_CROPS", 8)
    audio = np.stack([_sound(i, target == 1) for i, target in enumerate(TARGETS)])
    return CropCache(
        audio=(np.rint(audio * 32767).astype(np.int16),),
        speech=(np.full((8, 100), 255, np.uint8),),
        targets=TARGETS,
        sources=("",) * 8,
        systems=("",) * 8,
        pairs=np.empty((0, 2), np.int64),
        clips=((),) * 8,
    )


@pytest.fixture
def detector() -> Detector:
    config = DetectorConfig.from_dict(
        {
            "mean_norm": {"enabled": True},
            "network": {"stem": [4, 4], "embedding": 8, "hidden": 4, "dilations": [1]},
            "pool": {"hidden": 4},
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        built = Detector(config).eval()
    with torch.no_grad():
        built.network.speech.bias.fill_(5.0)  # type: ignore[union-attr]
    return built


def _dev() -> DevSet:
    robot = np.array([True, False] * 4)
    sounds = tuple(_sound(100 + i, bool(r)) for i, r in enumerate(robot))
    return DevSet("toy@1", sounds, robot, tuple("aabbccdd"))


def test_network_stays_and_dev_prefers_the_mixtures(crops: CropCache, detector: Detector) -> None:
    grown = with_mixture(detector, crops, CONFIG)
    old, new = detector.state_dict(), grown.state_dict()
    assert all(torch.equal(new[name], value) for name, value in old.items())
    assert grown.config.mixture.components == 2
    assert grown.pool.gain.item() == 0
    chosen = choose_gain(grown, [_dev()], CONFIG.gains)
    assert [t.gain for t in chosen.tried] == list(CONFIG.gains)
    objectives = {t.gain: t.objective for t in chosen.tried}
    assert objectives[chosen.gain] == 0.0
    assert chosen.gain > 0
    assert grown.pool.gain.item() == chosen.gain
    # Mixtures that count the wrong way round are worse, whoever is drawn.
    (wrong,) = choose_gain(grown, [_dev()], (-50.0,)).tried
    assert wrong.by_set == {"toy@1": 1.0}
    assert (wrong.objective, wrong.error) == (1.0, 0.0)


def test_classes_may_move_the_means_of_a_background(crops: CropCache, detector: Detector) -> None:
    named = replace(crops, sources=tuple("abcdefgh"))
    config = replace(CONFIG, background=True, human_weights={"a": 2.0})
    grown = with_mixture(detector, named, config)
    weight = grown.state_dict()["mixture.log_density.weight"]
    quadratic = weight[:, weight.shape[1] // 2 :]
    assert torch.equal(quadratic[:2], quadratic[2:])
    assert not torch.equal(weight[:2], weight[2:])
    chosen = choose_gain(grown, [_dev()], (0.0, 10.0))
    assert chosen.gain == 10.0
    alike = with_mixture(detector, named, replace(config, human_weights={}))
    assert not torch.equal(weight, alike.state_dict()["mixture.log_density.weight"])


@pytest.mark.parametrize("background", [False, True])
def test_same_seed_same_mixtures(crops: CropCache, detector: Detector, background: bool) -> None:
    config = replace(CONFIG, background=background)
    first, second = (with_mixture(detector, crops, config).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_cannot_be_fitted_is_said(crops: CropCache, detector: Detector) -> None:
    with pytest.raises(ValueError, match="expected at least 1 in the recipe, got 0"):
        with_mixture(detector, crops, MixtureFitConfig())
    with pytest.raises(ValueError, match="expected at least 200 speech frames, got 120"):
        with_mixture(detector, crops, replace(CONFIG, components=100))
    people = replace(crops, targets=np.where(crops.targets == 1, -1, crops.targets))
    with pytest.raises(ValueError, match=r"of people and of robots .* 'robot': 0"):
        with_mixture(detector, people, CONFIG)
    noise = replace(crops, targets=np.full_like(crops.targets, -1))
    with pytest.raises(ValueError, match=r"among the 0 of the cache .*'human': 0, 'robot': 0"):
        with_mixture(detector, noise, CONFIG)
    # People and robots take turns: every second crop is a person's.
    with pytest.raises(ValueError, match=r"among the 3 .*mixture\.crops 3\), got .* 'robot': 0"):
        with_mixture(detector, crops, replace(CONFIG, crops=3))

"""Frame mixtures are fitted on crops, weighted on dev, and leave the network as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector
from ringtrue.training.cache import CropCache
from ringtrue.training.gains import choose_gain
from ringtrue.training.mixture_fit import with_mixture
from ringtrue.training.recipe import MixtureFitConfig
from tests.training.toy_frames import toy_dev

pytest.importorskip("sklearn")

CONFIG = MixtureFitConfig(components=2, frames_per_crop=40, gains=(0.0, 1.0, 2.0))


def test_network_stays_and_dev_prefers_the_mixtures(crops: CropCache, detector: Detector) -> None:
    grown = with_mixture(detector, crops, CONFIG)
    old, new = detector.state_dict(), grown.state_dict()
    assert all(torch.equal(new[name], value) for name, value in old.items())
    assert grown.config.mixture.components == 2
    assert grown.pool.gain.item() == 0
    chosen = choose_gain(grown, [toy_dev()], CONFIG.gains)
    assert [t.gain for t in chosen.tried] == list(CONFIG.gains)
    objectives = {t.gain: t.objective for t in chosen.tried}
    assert objectives[chosen.gain] == 0.0
    assert chosen.gain > 0
    assert grown.pool.gain.item() == chosen.gain
    # Mixtures that count the wrong way round are worse, whoever is drawn.
    (wrong,) = choose_gain(grown, [toy_dev()], (-50.0,)).tried
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
    chosen = choose_gain(grown, [toy_dev()], (0.0, 10.0))
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

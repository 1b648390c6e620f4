"""The frame network is trained on crops, weighted, and leaves the network as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector
from ringtrue.training.cache import CropCache
from ringtrue.training.frame_draw import crops_of_both, draw_frames
from ringtrue.training.frame_fit import with_frame_net
from ringtrue.training.gains import choose_gain
from ringtrue.training.mixture_fit import with_mixture
from ringtrue.training.recipe import FrameFitConfig, MixtureFitConfig, parse_recipe
from tests.training.toy_frames import toy_dev

CONFIG = FrameFitConfig(hidden=(8,), seconds=(1.0,), steps=200, batch_crops=8, learning_rate=0.01)


def test_network_stays_and_the_frames_tell_the_classes(
    crops: CropCache, detector: Detector
) -> None:
    grown = with_frame_net(detector, crops, CONFIG)
    old, new = detector.state_dict(), grown.state_dict()
    assert all(torch.equal(new[name], value) for name, value in old.items())
    assert grown.config.frame_net.hidden == (8,)
    assert grown.pool.gain.item() == 0
    assert grown.frame_net is not None
    assert grown.frame_net.dropout == 0
    assert not grown.training
    alone = choose_gain(grown, [toy_dev()], (0.0, 100.0))
    assert [t.gain for t in alone.tried if t.objective == 0] == [100.0]
    equal = choose_gain(grown, [toy_dev()], CONFIG.gains)
    assert 0 < equal.gain < 100
    assert grown.pool.gain.item() == pytest.approx(equal.gain)


def test_it_replaces_mixtures_and_they_replace_it(crops: CropCache, detector: Detector) -> None:
    mixtures = MixtureFitConfig(components=2)
    first = with_frame_net(with_mixture(detector, crops, mixtures), crops, CONFIG)
    assert (first.mixture, first.config.mixture.components) == (None, 0)
    second = with_mixture(first, crops, mixtures)
    assert (second.frame_net, second.config.frame_net.hidden) == (None, ())


def test_same_seed_same_network(crops: CropCache, detector: Detector) -> None:
    one, two = (with_frame_net(detector, crops, CONFIG).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    again = with_frame_net(with_frame_net(detector, crops, CONFIG), crops, CONFIG).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    other = with_frame_net(detector, crops, replace(CONFIG, seed=2)).state_dict()
    assert not torch.equal(one["frame_net.last.weight"], other["frame_net.last.weight"])


def test_frames_are_those_of_the_detector(crops: CropCache, detector: Detector) -> None:
    grown = with_mixture(detector, crops, MixtureFitConfig(components=2))
    assert grown.mixture is not None
    cepstra = grown.mixture.cepstra
    rows = crops_of_both(crops, 8, "most")
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
    drawn = list(draw_frames(grown, cepstra, crops, rows, 500, np.random.default_rng(1)))
    assert [frames.crop for frames in drawn] == rows.tolist()
    pcm = torch.from_numpy(crops.crop(3, 0, 16000))[None]
    with torch.no_grad():
        normalised, _ = grown.mean_norm(
            grown.features(pcm), torch.zeros(1, grown.mean_norm.state_size)
        )
        values, _ = cepstra(normalised, torch.zeros(1, *cepstra.cache_shape))
    expected = values[0].T.numpy()
    # All that is loud, in any order; the first and last frames lack a neighbour.
    assert 100 < len(drawn[3].values) <= 196
    found = {row.tobytes() for row in drawn[3].values}
    assert len(found) == len(drawn[3].values)
    nearest = np.abs(drawn[3].values[:, None] - expected[None, 4:]).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-4
    pieces = list(draw_frames(grown, cepstra, crops, rows, 500, np.random.default_rng(1), (0.5,)))
    assert max(len(frames.values) for frames in pieces) <= 46


def test_what_cannot_be_trained_is_said(crops: CropCache, detector: Detector) -> None:
    with pytest.raises(ValueError, match="at least one layer in the recipe, got none"):
        with_frame_net(detector, crops, FrameFitConfig())
    people = replace(crops, targets=np.where(crops.targets == 1, -1, crops.targets))
    with pytest.raises(ValueError, match=r"frame_net\.crops 24000\), got .* 'robot': 0"):
        with_frame_net(detector, people, CONFIG)
    silent = replace(crops, speech=(np.zeros((8, 100), np.uint8),))
    with pytest.raises(ValueError, match=r"20 loud speech frames .* got none of people"):
        with_frame_net(detector, silent, CONFIG)


def test_recipes() -> None:
    recipe = parse_recipe({"frame_net": {"hidden": [64, 64], "steps": 10}})
    assert recipe.frame_net == FrameFitConfig(hidden=(64, 64), steps=10)
    with pytest.raises(ValueError, match="batch_frames: expected 1 to frames_per_crop 60, got 61"):
        FrameFitConfig(batch_frames=61)
    with pytest.raises(ValueError, match="batch_crops of 2 or more, got 24000, 60, 1500 and 1"):
        FrameFitConfig(batch_crops=1)

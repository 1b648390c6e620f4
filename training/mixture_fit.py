"""Fitting frame mixtures to a trained detector.

The mixtures are generative: they are fitted on frames of the cached crops, after the detector's own
frontend and mean normalisation, by expectation maximisation (scikit-learn), see
:mod:`ringtrue.training.gaussians`; what they count for is chosen in :mod:`ringtrue.training.gains`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from ringtrue.model.detector import Detector
from ringtrue.model.frame_net import FrameNetConfig
from ringtrue.model.mixture import Mixture, MixtureConfig
from ringtrue.training.cache import CropCache
from ringtrue.training.checkpoint import start_from
from ringtrue.training.compose import HUMAN, ROBOT
from ringtrue.training.frame_draw import crops_of_both, draw_frames
from ringtrue.training.gaussians import Frames, moved_mixtures, own_mixture
from ringtrue.training.recipe import MixtureFitConfig


def with_mixture(detector: Detector, cache: CropCache, config: MixtureFitConfig) -> Detector:
    """A copy of ``detector`` with fitted mixtures of weight 0.

    Raises:
        ValueError: no components are asked for, or a class has no crops or too few frames.
    """
    if config.components < 1:
        raise ValueError(
            "mixture.components: expected at least 1 in the recipe, "
            f"got {config.components}: there is nothing to fit"
        )
    parts = MixtureConfig(config.components, config.cepstra, config.differences, config.loud_only)
    grown = Detector(
        dataclasses.replace(detector.config, mixture=parts, frame_net=FrameNetConfig())
    ).eval()
    start_from(grown, detector)
    assert grown.mixture is not None
    mixture = grown.mixture
    with torch.no_grad():
        grown.pool.gain.zero_()
    classes = _frames(grown, mixture, cache, config)
    if config.background:
        fitted = moved_mixtures(classes, config)
    else:
        fitted = [own_mixture(frames, config) for frames in classes]
    mixture.set_densities(
        *(
            torch.from_numpy(np.stack(values).astype(np.float32))
            for values in (
                [f.weights for f in fitted],
                [f.means for f in fitted],
                [f.variances for f in fitted],
            )
        )
    )
    return grown


def _frames(
    detector: Detector, mixture: Mixture, cache: CropCache, config: MixtureFitConfig
) -> tuple[Frames, Frames]:
    """Frames of robots and of humans."""
    rng = np.random.default_rng(config.seed)
    found: dict[int, list[NDArray[np.float32]]] = {HUMAN: [], ROBOT: []}
    counted: dict[int, list[NDArray[np.float64]]] = {HUMAN: [], ROBOT: []}
    named = {HUMAN: config.human_weights, ROBOT: config.robot_weights}
    everywhere = np.arange(len(cache))
    worth = {
        target: cache.weights_of(everywhere, target, weights) for target, weights in named.items()
    }
    crops = crops_of_both(cache, config.crops, "mixture.crops")
    per_crop = config.frames_per_crop
    for drawn in draw_frames(detector, mixture.cepstra, cache, crops, per_crop, rng):
        target = int(cache.targets[drawn.crop])
        found[target].append(drawn.values)
        counted[target].append(np.full(len(drawn.values), worth[target][drawn.crop]))
    robots, people = (
        Frames(np.concatenate(found[target]), np.concatenate(counted[target]))
        for target in (ROBOT, HUMAN)
    )
    return robots, people

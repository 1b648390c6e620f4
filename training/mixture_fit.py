"""Fitting the frame mixtures of a trained detector, and choosing their weight on dev.

The mixtures are generative: they are fitted on frames of the cached crops, after the detector's own
frontend and mean normalisation, by expectation maximisation (scikit-learn), see
:mod:`ringtrue.training.gaussians`. The score is linear in their weight, so that two passes over dev
give it for every weight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.detector import Detector
from ringtrue.model.mixture import Mixture, MixtureConfig
from ringtrue.training.cache import CropCache
from ringtrue.training.checkpoint import start_from
from ringtrue.training.compose import HUMAN, ROBOT
from ringtrue.training.gaussians import Frames, moved_mixtures, own_mixture
from ringtrue.training.metrics import auc, auc_draws, bootstrap_weights
from ringtrue.training.recipe import MixtureFitConfig
from ringtrue.training.validation import DevSet, objective_of, score_audio

_BATCH = 25
_REPLICATES = 500
_CLASSES = {"human": HUMAN, "robot": ROBOT}


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
    grown = Detector(dataclasses.replace(detector.config, mixture=parts)).eval()
    start_from(grown, detector)
    mixture = _mixture(grown)
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


@dataclass(frozen=True)
class TriedGain:
    """A weight and what it is worth on dev.

    Attributes:
        gain: weight of the frame evidence.
        objective: mean of 1 - AUC over the sets.
        error: standard error of the difference to the least objective, by a bootstrap over
            speakers and synthesizers; 0 where the sets have no groups.
        by_set: 1 - AUC of each set, by its name.
    """

    gain: float
    objective: float
    error: float
    by_set: dict[str, float]


@dataclass(frozen=True)
class ChosenGain:
    """The weight that was set, and all that were tried."""

    gain: float
    tried: tuple[TriedGain, ...]


def choose_gain(detector: Detector, sets: Sequence[DevSet], gains: Sequence[float]) -> ChosenGain:
    """Set the weight of the frame evidence to the best of ``gains`` on dev.

    What was tried tells how sure that is, and what each set says: the mean can be carried by one.
    """

    def scores(gain: float) -> list[NDArray[np.float32]]:
        with torch.no_grad():
            detector.pool.gain.fill_(gain)
        return [score_audio(detector, dev.audio) for dev in sets]

    without, full = scores(0.0), scores(1.0)
    found = {
        gain: [a + gain * (b - a) for a, b in zip(without, full, strict=True)] for gain in gains
    }
    objectives = {gain: objective_of(values, sets) for gain, values in found.items()}
    best = min(objectives, key=lambda gain: objectives[gain])
    draws = {gain: _draws(values, sets) for gain, values in found.items()}
    tried = tuple(
        TriedGain(
            gain,
            objectives[gain],
            float(np.std(draws[gain] - draws[best])),
            {dev.name: 1 - auc(v, dev.robot) for v, dev in zip(found[gain], sets, strict=True)},
        )
        for gain in gains
    )
    with torch.no_grad():
        detector.pool.gain.fill_(best)
    return ChosenGain(best, tried)


def _draws(scores: Sequence[NDArray[np.float32]], sets: Sequence[DevSet]) -> NDArray[np.float64]:
    """Objective in each bootstrap draw, [draws]; constant for sets without groups."""
    objective = np.zeros(_REPLICATES)
    for values, dev in zip(scores, sets, strict=True):
        # Sets of the same voices draw the same voices.
        rng = np.random.default_rng(0)
        weights = bootstrap_weights(dev.groups, dev.robot, _REPLICATES, rng) if dev.groups else None
        if weights is not None:
            objective += (1 - auc_draws(values, dev.robot, weights)) / len(sets)
    return objective


def _mixture(detector: Detector) -> Mixture:
    if detector.mixture is None:
        raise ValueError("expected a detector with mixtures, got one without")
    return detector.mixture


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
    length = cache.audio[0].shape[1]
    spoken = np.flatnonzero(cache.targets >= 0)
    step = max(1, -(-len(spoken) // config.crops))
    # Pairs alternate, so that every second crop may be of one class.
    spoken = spoken[::step]
    counts = {n: int((cache.targets[spoken] == label).sum()) for n, label in _CLASSES.items()}
    if not all(counts.values()):
        raise ValueError(
            f"expected crops of people and of robots among the {len(spoken)} of the cache that "
            f"are used (mixture.crops {config.crops}), got {counts}"
        )
    starts = range(0, len(spoken), _BATCH)
    for start in track(starts, description="frames of the crops"):
        rows = spoken[start : start + _BATCH]
        pcm = torch.from_numpy(np.stack([cache.crop(int(row), 0, length) for row in rows]))
        with torch.no_grad():
            bands = detector.features(pcm)
            zeros = torch.zeros(len(rows), detector.mean_norm.state_size)
            normalised, _ = detector.mean_norm(bands, zeros)
            values, _ = mixture.features(normalised, torch.zeros(len(rows), *mixture.cache_shape))
        loud = detector.mean_norm.loud(bands)[:, 0].numpy() > 0
        for index, row in enumerate(rows):
            labels = cache.speech_of(int(row), 0, cache.speech[0].shape[1]) > 0.5
            speech = np.repeat(labels, bands.shape[2] // len(labels)) & loud[index]
            late = mixture.config.late
            usable = np.flatnonzero(speech[:-late]) + late
            count = min(config.frames_per_crop, len(usable))
            drawn = rng.choice(usable, count, replace=False)
            target = int(cache.targets[row])
            found[target].append(values[index].T.numpy()[drawn])
            counted[target].append(np.full(count, worth[target][row]))
    robots, people = (
        Frames(np.concatenate(found[target]), np.concatenate(counted[target]))
        for target in (ROBOT, HUMAN)
    )
    return robots, people

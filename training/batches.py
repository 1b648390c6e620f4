"""Batches of crops: class-balanced, of one length per batch, cut at random from cached crops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ringtrue.model.contract import CHUNK_SAMPLES, SAMPLE_RATE
from ringtrue.training.cache import CropCache
from ringtrue.training.compose import HUMAN, NONSPEECH, ROBOT
from ringtrue.training.recipe import CropConfig, TrainConfig
from ringtrue.training.speech_labels import FRAME_SAMPLES


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes:
        pcm: [batch, samples] float32.
        speech: [batch, frames] float32 0..1, 50 per second.
        targets: [batch] float32, 1 robot, 0 human, -1 non-speech.
        pairs: the last 2 * ``pairs`` crops are pairs: first their bona fide crops, then, in the
            same order, their synthetic ones.
    """

    pcm: Tensor
    speech: Tensor
    targets: Tensor
    pairs: int


class _Shuffled:
    """Endless indices, each once per round, or as often in the mean as its weight says."""

    def __init__(
        self, indices: np.ndarray, rng: np.random.Generator, weights: np.ndarray | None = None
    ) -> None:
        self._indices = indices
        self._rng = rng
        self._weights = weights
        self._left = np.empty(0, np.int64)

    def take(self, count: int) -> np.ndarray:
        taken: list[np.ndarray] = []
        while count > 0:
            if not len(self._left):
                self._left = self._rng.permutation(self._round())
            taken.append(self._left[:count])
            self._left = self._left[count:]
            count -= len(taken[-1])
        return np.concatenate(taken)

    def _round(self) -> np.ndarray:
        if self._weights is None:
            return self._indices
        times = np.floor(self._weights + self._rng.random(len(self._weights))).astype(np.int64)
        return np.repeat(self._indices, times)


def _weighed(
    cache: CropCache, target: int, weights: Mapping[str, float], rng: np.random.Generator
) -> _Shuffled:
    """Indices of the crops of one class, as often as the weights of their sources say."""
    indices = np.flatnonzero(cache.targets == target)
    if not weights:
        return _Shuffled(indices, rng)
    return _Shuffled(indices, rng, cache.weights_of(indices, target, weights))


def batches(
    cache: CropCache, crops: CropConfig, config: TrainConfig, rng: np.random.Generator
) -> Iterator[Batch]:
    """Endless batches of ``config.batch_seconds`` of audio.

    Half of the speech crops of each batch are robots; non-speech keeps its share of the cache. Both
    crops of a pair are cut at the same time.
    """
    weights = {HUMAN: config.human_weights, ROBOT: config.robot_weights, NONSPEECH: {}}
    classes = {
        target: _weighed(cache, target, wanted, rng)
        for target, wanted in weights.items()
        if np.any(cache.targets == target)
    }
    paired = _Shuffled(np.arange(len(cache.pairs)), rng)
    total = cache.audio[0].shape[1]
    speech_step = CHUNK_SAMPLES // FRAME_SAMPLES
    while True:
        seconds = float(rng.choice(config.lengths))
        length = min(total, round(seconds * SAMPLE_RATE) // CHUNK_SAMPLES * CHUNK_SAMPLES)
        size = max(4, round(config.batch_seconds * SAMPLE_RATE / length))
        nonspeech = 0
        if NONSPEECH in classes:
            nonspeech = max(1, round(size * (1 - crops.human_share - crops.robot_share)))
        pairs = round((size - nonspeech) * config.pair_share / 2) if len(cache.pairs) else 0
        single = size - nonspeech - 2 * pairs
        robots = single // 2
        chosen = np.concatenate(
            [
                classes[ROBOT].take(robots),
                classes[HUMAN].take(single - robots),
                *([classes[NONSPEECH].take(nonspeech)] if nonspeech else []),
                *(cache.pairs[paired.take(pairs)].T if pairs else []),
            ]
        )
        starts = rng.integers(0, (total - length) // CHUNK_SAMPLES + 1, size=size)
        starts[size - pairs :] = starts[size - 2 * pairs : size - pairs]
        pcm = np.stack(
            [cache.crop(i, s * CHUNK_SAMPLES, length) for i, s in zip(chosen, starts, strict=True)]
        )
        speech = np.stack(
            [
                cache.speech_of(i, s * speech_step, length // FRAME_SAMPLES)
                for i, s in zip(chosen, starts, strict=True)
            ]
        )
        yield Batch(
            torch.from_numpy(pcm),
            torch.from_numpy(speech),
            torch.from_numpy(cache.targets[chosen].astype(np.float32)),
            pairs,
        )

"""Cross-validation over sources of the training split: what a choice is worth on unseen sources.

Split ``dev`` holds few sources, and a choice of models by few sources is a choice for them. Here
every source of ``train``, people and synthesizers alike, is left out of training once and scored by
the detector that never heard it. A source is one recording campaign, package or page: people,
rooms, synthesizers and recording chains change together, as they do in the field. The crops of the
cache serve as trials as they are, so that nothing but training is paid for.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from ringtrue.model.contract import CHUNK_SAMPLES, SAMPLE_RATE
from ringtrue.model.detector import Detector
from ringtrue.training.cache import CropCache
from ringtrue.training.compose import COPY_PREFIX, HUMAN, ROBOT
from ringtrue.training.manifest import Manifest

LEFT_OUT = -2
"""Class of crops that a fold does not train on."""
SECONDS = (1.0, 4.0)
"""Seconds of speech after which a trial is read, at the latest at the end of its crop."""
FEWEST = 4
"""Crops of a source and class below which it is no trial source: too few to say anything."""
_BATCH_SECONDS = 600.0


@dataclass(frozen=True)
class Fold:
    """Sources that one detector does not train on.

    Attributes:
        number: from 0.
        sources: left out of training.
    """

    number: int
    sources: frozenset[str]


def folds(cache: CropCache, count: int) -> tuple[Fold, ...]:
    """Sources dealt to ``count`` folds so that each leaves out about as much of both classes.

    The largest sources are dealt first, each to the fold that has the least of its classes.

    Raises:
        ValueError: fewer than two folds, or fewer sources of a class than folds.
    """
    if count < 2:
        raise ValueError(f"expected at least 2 folds, got {count}")
    crops = Counter(zip(cache.sources, cache.targets.tolist(), strict=True))
    speech = [target for target in (HUMAN, ROBOT) if any(t == target for _, t in crops)]
    sources = sorted({s for s, t in crops if t in speech})
    for target in (HUMAN, ROBOT):
        having = sum(crops[source, target] > 0 for source in sources)
        if having < count:
            name = "human" if target == HUMAN else "robot"
            raise ValueError(f"expected at least {count} {name} sources, got {having}")
    totals = {t: sum(crops[s, t] for s in sources) for t in speech}

    def shares(source: str) -> NDArray[np.float64]:
        return np.array([crops[source, t] / totals[t] for t in speech])

    filled = np.zeros((count, len(speech)))
    dealt: list[set[str]] = [set() for _ in range(count)]
    for source in sorted(sources, key=lambda s: (-shares(s).max(), s)):
        fullest = [(filled[k] + shares(source)) ** 2 - filled[k] ** 2 for k in range(count)]
        chosen = int(np.argmin([float(cost.sum()) for cost in fullest]))
        dealt[chosen].add(source)
        filled[chosen] += shares(source)
    return tuple(Fold(number, frozenset(part)) for number, part in enumerate(dealt))


def copied_sources(manifest: Manifest) -> dict[str, frozenset[str]]:
    """Sources whose people a robot clip of another source copies, by the clip's id.

    Copies are known by the speaker: that of human clips, or one named ``source:name``.
    """
    people: defaultdict[str, set[str]] = defaultdict(set)
    for clip in manifest:
        if clip.is_human and clip.speaker:
            people[clip.speaker].add(clip.source)
    copies = {}
    for clip in manifest:
        if clip.is_robot and clip.speaker:
            named = {clip.speaker.partition(":")[0], *people.get(clip.speaker, ())}
            if others := named - {clip.source}:
                copies[clip.id] = frozenset(others)
    return copies


def training_part(
    cache: CropCache, fold: Fold, copies: Mapping[str, frozenset[str]] = MappingProxyType({})
) -> CropCache:
    """The cache without the fold's sources and copies of their people.

    Indices stay what they are.

    Args:
        cache: all crops.
        fold: what is left out.
        copies: of :func:`copied_sources`.
    """
    gone = {clip for clip, sources in copies.items() if sources & fold.sources}
    out = np.array(
        [
            source in fold.sources or not gone.isdisjoint(clips)
            for source, clips in zip(cache.sources, cache.clips, strict=True)
        ]
    )
    speech = (cache.targets == HUMAN) | (cache.targets == ROBOT)
    targets = np.where(out & speech, LEFT_OUT, cache.targets).astype(cache.targets.dtype)
    pairs = cache.pairs[~out[cache.pairs].any(axis=1)] if len(cache.pairs) else cache.pairs
    return dataclasses.replace(cache, targets=targets, pairs=pairs)


@dataclass(frozen=True)
class Trials:
    """Crops of left-out sources.

    Attributes:
        crops: [trials] indices into the cache.
        robot: [trials] bool.
        sources: source of each, with the synthesizer where it is a robot's.
    """

    crops: NDArray[np.int64]
    robot: NDArray[np.bool_]
    sources: tuple[str, ...]


def trials_of(cache: CropCache, fold: Fold, most: int = 60) -> Trials:
    """Trials of a fold: up to ``most`` crops per source (and synthesizer), the first of the cache.

    Copies made while composing are left out: their methods are in every fold's training.

    Raises:
        ValueError: only people or only robots are left, so that nothing can be told apart.
    """
    found: dict[str, list[int]] = {}
    for index in np.flatnonzero((cache.targets == HUMAN) | (cache.targets == ROBOT)).tolist():
        source, system = cache.sources[index], cache.systems[index]
        if source not in fold.sources or system.startswith(COPY_PREFIX):
            continue
        robot = cache.targets[index] == ROBOT
        key = f"{source}/{system}" if robot else source
        found.setdefault(key, []).append(index)
    kept = {key: crops[:most] for key, crops in found.items() if len(crops) >= FEWEST}
    crops = np.array([i for part in kept.values() for i in part], np.int64)
    robot = cache.targets[crops] == ROBOT
    if robot.all() or not robot.any():
        raise ValueError(
            f"fold {fold.number}: expected sources of people and of robots with {FEWEST} crops or "
            f"more, got {', '.join(kept) or 'none'}; use fewer folds or a larger cache"
        )
    return Trials(
        crops,
        robot,
        tuple(key for key, part in kept.items() for _ in part),
    )


def score_crops(
    detector: Detector, cache: CropCache, crops: NDArray[np.int64], seconds: Sequence[float]
) -> NDArray[np.float32]:
    """Raw score of each crop once so much speech was heard, [len(seconds), crops]."""
    length = cache.audio[0].shape[1] // CHUNK_SAMPLES * CHUNK_SAMPLES
    size = max(1, int(_BATCH_SECONDS * SAMPLE_RATE / length))
    scores = np.zeros((len(seconds), len(crops)), np.float32)
    for start in range(0, len(crops), size):
        rows = crops[start : start + size]
        pcm = torch.from_numpy(np.stack([cache.crop(int(row), 0, length) for row in rows]))
        with torch.no_grad():
            output = detector.forward_features(detector.features(pcm))
        heard = output.speech_seconds
        for k, wanted in enumerate(seconds):
            # The first chunk that has heard enough, or the last.
            enough = (heard < wanted).sum(dim=1).clamp(max=heard.shape[1] - 1)
            found = torch.gather(output.score, 1, enough[:, None])[:, 0]
            scores[k, start : start + len(rows)] = found.numpy()
    return scores


@dataclass(frozen=True)
class FoldFigures:
    """Figures of one fold at one amount of speech; every source weighs the same within its class.

    Attributes:
        auc, eer: of the left-out people against the left-out synthesizers.
        by_source: AUC of each left-out source against all of the other class.
    """

    auc: float
    eer: float
    by_source: dict[str, float]


def fold_figures(scores: NDArray[np.float32], trials: Trials) -> FoldFigures:
    """AUC and EER of a fold's trials.

    Args:
        scores: [trials].
        trials: of the fold.
    """
    sizes = Counter(zip(trials.sources, trials.robot.tolist(), strict=True))
    weights = np.array(
        [1 / sizes[key] for key in zip(trials.sources, trials.robot.tolist(), strict=True)]
    )
    whole = _weighted(scores, trials.robot, weights)
    by_source: dict[str, float] = {}
    names = np.array(trials.sources)
    for name, robot in sorted(sizes):
        rows = ((names == name) & (trials.robot == robot)) | (trials.robot != robot)
        part = _weighted(scores[rows], trials.robot[rows], weights[rows])
        by_source[name if robot else f"{name} (human)"] = part[0]
    return FoldFigures(*whole, by_source)


def _weighted(
    scores: NDArray[np.float32], robot: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    from sklearn.metrics import roc_auc_score, roc_curve

    area = float(roc_auc_score(robot, scores, sample_weight=weights))
    false_flags, hits, _ = roc_curve(robot, scores, sample_weight=weights)
    misses = 1 - hits
    crossing = int(np.argmin(np.abs(false_flags - misses)))
    return area, float((false_flags[crossing] + misses[crossing]) / 2)

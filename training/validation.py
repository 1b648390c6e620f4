"""Figures on dev while training runs: what checkpoints are chosen by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ringtrue.model.contract import CHUNK_SAMPLES
from ringtrue.model.detector import Detector
from ringtrue.training.heard import HARMONISED, SIMULATED, hear
from ringtrue.training.manifest import Manifest
from ringtrue.training.metrics import auc, bootstrap_groups, cllr, eer
from ringtrue.training.trials import audio_of, plan_trials

_BATCH_SECONDS = 600.0


@dataclass(frozen=True)
class DevSet:
    """Trials of one view and duration.

    Attributes:
        name: e.g. ``simulated@4``.
        audio: [samples] float32 each.
        robot: [trials] bool.
        groups: what each trial varies with, for bootstraps: speaker or recording of a person,
            synthesizer of a robot; empty where nobody asks.
    """

    name: str
    audio: tuple[NDArray[np.float32], ...]
    robot: NDArray[np.bool_]
    groups: tuple[str, ...] = ()


def dev_sets(
    manifest: Manifest, cache: Path, durations: Sequence[float] = (1.0, 4.0), seed: int = 1
) -> list[DevSet]:
    """Trials of split ``dev``, harmonised phone recordings and the simulated line."""
    views = hear(manifest, "dev", cache, seed)
    sets: list[DevSet] = []
    for view in (HARMONISED, SIMULATED):
        for seconds in durations:
            trials = plan_trials(view, views[view], seconds)
            robot = np.array([t.robot for t in trials], np.bool_)
            if robot.all() or not robot.any():
                continue
            audio = tuple(audio_of(t, views[view]) for t in trials)
            groups, _ = bootstrap_groups(
                [t.group for t in trials], [t.system for t in trials], robot
            )
            sets.append(DevSet(f"{view}@{seconds:g}", audio, robot, tuple(groups)))
    if not sets:
        raise ValueError("split dev: expected humans and robots, found no pair of them")
    return sets


def score_audio(detector: Detector, audio: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Raw score at the end of each recording, [recordings]; the last part chunk is zero-padded."""
    chunks = np.array([max(1, -(-len(a) // CHUNK_SAMPLES)) for a in audio])
    order = np.argsort(chunks, kind="stable")
    scores = np.zeros(len(audio), np.float32)
    start = 0
    while start < len(order):
        longest = int(chunks[order[start:]][0])
        end = start
        # Sorted by length, so the last of a batch decides its width.
        while end < len(order):
            longest = int(chunks[order[end]])
            if end > start and (end - start + 1) * longest * 0.1 > _BATCH_SECONDS:
                break
            end += 1
        rows = order[start:end]
        width = int(chunks[rows].max())
        pcm = np.zeros((len(rows), width * CHUNK_SAMPLES), np.float32)
        for row, index in zip(pcm, rows, strict=True):
            row[: len(audio[index])] = audio[index]
        with torch.no_grad():
            output = detector.forward_features(detector.features(torch.from_numpy(pcm)))
        scores[rows] = output.score.numpy()[np.arange(len(rows)), chunks[rows] - 1]
        start = end
    return scores


def objective_of(scores: Sequence[NDArray[np.float32]], sets: Sequence[DevSet]) -> float:
    """What is minimised on dev: the mean of 1 - AUC over the sets."""
    areas = [auc(found, dev.robot) for found, dev in zip(scores, sets, strict=True)]
    return float(1 - np.mean(areas))


def validator(sets: Sequence[DevSet]) -> Callable[[Detector], dict[str, float]]:
    """A function for :class:`~ringtrue.training.trainer.Trainer`.

    The objective is the mean over the sets of 1 - AUC, which is steadier on few recordings than
    the EER; EER and Cllr are logged beside it.
    """

    def validate(detector: Detector) -> dict[str, float]:
        figures: dict[str, float] = {}
        scores = [score_audio(detector, dev.audio) for dev in sets]
        for dev, found in zip(sets, scores, strict=True):
            figures[f"eer/{dev.name}"] = eer(found, dev.robot)
            figures[f"cllr/{dev.name}"] = cllr(found, dev.robot)
        return {"objective": objective_of(scores, sets), **figures}

    return validate

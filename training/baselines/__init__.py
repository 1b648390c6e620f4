"""Classical baselines, trained from recipes on the same crops as the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.baselines.detector import BaselineDetector, save_baseline
from ringtrue.training.baselines.models import baseline_config
from ringtrue.training.cache import CropCache, open_cache
from ringtrue.training.calibrate import fit_calibration
from ringtrue.training.recipe import Recipe

__all__ = ["train_baseline"]

SECONDS = (1.0, 2.0, 4.0, 8.0)
"""Lengths that crops are cut to, so that the baseline is as early as it is judged."""
HELD_OUT = 0.1
"""Share of the crops kept for calibration."""


def train_baseline(recipe: Recipe, crops: Path, folder: Path) -> Path:
    """Train the baseline that ``recipe.kind`` names on cached crops.

    Args:
        recipe: ``kind`` lfcc-gmm or logspec-lr, with its ``baseline`` section.
        crops: folder of the crop cache (human and robot crops are used, non-speech is not).
        folder: where ``<recipe name>.joblib`` is written.

    Returns:
        The file.

    Raises:
        ValueError: unknown kind or setting, or too few crops.
    """
    config = baseline_config(recipe.kind, recipe.baseline)
    cache = open_cache(crops, recipe.crops.count)
    spoken = np.flatnonzero(cache.targets >= 0)
    held = max(2, round(HELD_OUT * len(spoken)))
    rng = np.random.default_rng(recipe.crops.seed)
    scorer = config.fit(_signals(cache, spoken[:-held], rng, "training crops"))
    rows = [
        (scorer.score(samples), robot)
        for samples, robot in _signals(cache, spoken[-held:], rng, "held-out crops")
    ]
    sources = [cache.sources[index] for index in spoken[-held:]]
    calibration = fit_calibration([raw for raw, _ in rows], [robot for _, robot in rows], sources)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.name}.joblib"
    save_baseline(BaselineDetector(recipe.name, scorer, calibration), path)
    return path


def _signals(
    cache: CropCache, rows: NDArray[np.intp], rng: np.random.Generator, said: str
) -> Iterator[tuple[NDArray[np.float32], bool]]:
    """A piece of random length and place of each crop, and whether it is a robot's."""
    length = cache.audio[0].shape[1]
    for row in track(rows, description=said):
        size = min(length, round(float(rng.choice(SECONDS)) * SAMPLE_RATE))
        start = int(rng.integers(0, length - size + 1))
        yield cache.crop(int(row), start, size), bool(cache.targets[row] == 1)

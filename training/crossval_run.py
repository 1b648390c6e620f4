"""Running the folds of a cross-validation, and what they say together."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ringtrue.training.cache import CropCache
from ringtrue.training.checkpoint import load_detector
from ringtrue.training.crossval import (
    SECONDS,
    Fold,
    fold_figures,
    score_crops,
    training_part,
    trials_of,
)
from ringtrue.training.mixture_fit import with_mixture
from ringtrue.training.recipe import Recipe
from ringtrue.training.trainer import Trainer

log = logging.getLogger(__name__)

_VERSION = 2
"""Of how a fold is trained; folds of other versions are not compared."""


def claim_folder(folder: Path, recipe: Recipe, crops: Path, count: int) -> None:
    """Say in ``folder`` what it is for, so that another cross-validation is not resumed by mistake.

    Args:
        folder: of the folds; made if needed.
        recipe: what is trained.
        crops: folder of the cached crops, whose name tells recipe, manifest and channel.
        count: folds.

    Raises:
        ValueError: the folder holds another cross-validation.
    """
    meant = json.dumps(
        {
            "version": _VERSION, "folds": count, "crops": crops.name,
            "recipe": dataclasses.asdict(recipe),
        },
        indent=1, sort_keys=True,
    )  # fmt: skip
    path = folder / "crossval.json"
    if path.exists():
        if path.read_text(encoding="utf-8") != meant:
            raise ValueError(
                f"{folder} holds a cross-validation of another recipe, manifest, number of folds "
                "or version; use another folder (--out) or remove it"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(meant, encoding="utf-8")


def run_fold(
    recipe: Recipe,
    cache: CropCache,
    fold: Fold,
    folder: Path,
    copies: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Train one fold and score its sources; a trained fold is not trained again.

    Args:
        recipe: what is trained, to its last step: its patience does not count.
        cache: crops of all sources.
        fold: which sources are left out.
        folder: of the fold's training.
        copies: robots that are copies of people, of ``crossval.copied_sources``.

    Returns:
        What :func:`summarise` reads: per weight of the frame mixtures (0 alone without) and amount
        of speech AUC and EER, and the AUC of every source.
    """
    trials = trials_of(cache, fold)
    part = training_part(cache, fold, copies)
    # The last step, not the best: choosing a step by the left-out sources would flatter. Without
    # an objective no fold improves, so patience would end them all early.
    if recipe.training.patience:
        log.info("training.patience %d: ignored in folds", recipe.training.patience)
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, patience=0))
    trainer = Trainer(recipe, part, folder, lambda _: {"objective": 0.0})
    if trainer.reached.step < recipe.training.steps:
        trainer.run()
    detector = load_detector(folder / "last.ckpt")
    scores = {0.0: score_crops(detector, cache, trials.crops, SECONDS)}
    if recipe.mixture.components:
        grown = with_mixture(detector, part, recipe.mixture)
        with torch.no_grad():
            grown.pool.gain.fill_(1.0)
        both = score_crops(grown, cache, trials.crops, SECONDS)
        # The score is linear in the weight.
        for gain in recipe.mixture.gains:
            scores[gain] = scores[0.0] + gain * (both - scores[0.0])
        scores[math.inf] = both - scores[0.0]
    return {
        "sources": sorted(fold.sources),
        "trials": len(trials.crops),
        "gains": {
            f"{gain:g}": {
                f"{seconds:g}": dataclasses.asdict(fold_figures(row, trials))
                for seconds, row in zip(SECONDS, found, strict=True)
            }
            for gain, found in scores.items()
        },
    }


def summarise(files: Sequence[Path]) -> list[str]:
    """Lines for the terminal: means over folds for every weight, then the hardest sources."""
    figures = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    lines = []
    for gain in figures[0]["gains"]:
        text = []
        objective = []
        for seconds in figures[0]["gains"][gain]:
            found = [f["gains"][gain][seconds] for f in figures]
            objective += [1 - cell["auc"] for cell in found]
            eers = " / ".join(f"{100 * cell['eer']:.1f}" for cell in found)
            text.append(f"EER at {seconds} s {eers} %")
        name = "mixtures alone" if gain == "inf" else f"mixtures x {gain}"
        lines.append(f"{name}: mean 1 - AUC {np.mean(objective):.4f}; " + "; ".join(text))
    longest = f"{SECONDS[-1]:g}"
    by_source = {
        name: area for f in figures for name, area in f["gains"]["0"][longest]["by_source"].items()
    }
    lines.append(f"AUC per source at {longest} s, hardest first (mixtures x 0):")
    lines += [
        f"  {area:.3f}  {name}" for name, area in sorted(by_source.items(), key=lambda i: i[1])
    ]
    return lines

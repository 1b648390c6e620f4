"""Running the folds of a cross-validation, and what they say together."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ringtrue.model.detector import Detector
from ringtrue.training.cache import CropCache
from ringtrue.training.checkpoint import load_detector
from ringtrue.training.crossval import (
    SECONDS,
    Fold,
    Trials,
    fold_figures,
    score_crops,
    training_part,
    trials_of,
)
from ringtrue.training.frame_fit import with_frame_net
from ringtrue.training.gains import equal_gain
from ringtrue.training.mixture_fit import with_mixture
from ringtrue.training.recipe import Recipe
from ringtrue.training.trainer import Trainer

log = logging.getLogger(__name__)

_VERSION = 4
"""Of how a fold is trained; folds of other versions are not compared."""
_ALONE = "inf"
"""Weight of frame evidence that is judged without the network."""


def claim_folder(
    folder: Path, recipe: Recipe, crops: Path, count: int, network: Path | None = None
) -> None:
    """Say in ``folder`` what it is for, so that another cross-validation is not resumed by mistake.

    Args:
        folder: of the folds; made if needed.
        recipe: what is trained.
        crops: folder of the cached crops, whose name tells recipe, manifest and channel.
        count: folds.
        network: checkpoint that no fold trains, if there is one.

    Raises:
        ValueError: the folder holds another cross-validation.
    """
    meant = json.dumps(
        {
            "version": _VERSION, "folds": count, "crops": crops.name,
            "recipe": dataclasses.asdict(recipe),
            "network": hashlib.sha256(network.read_bytes()).hexdigest() if network else "",
        },
        indent=1, sort_keys=True,
    )  # fmt: skip
    path = folder / "crossval.json"
    if path.exists():
        if path.read_text(encoding="utf-8") != meant:
            raise ValueError(
                f"{folder} holds a cross-validation of another recipe, manifest, number of folds, "
                "network or version; use another folder (--out) or remove it"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(meant, encoding="utf-8")


def check_frames(recipe: Recipe, network: Path | None) -> None:
    """ValueError if there is nothing to judge beside a network that is not trained."""
    if network is not None and not (recipe.mixture.components or recipe.frame_net.hidden):
        raise ValueError(
            f"recipe {recipe.name}: expected a section mixture or frame_net beside a network that "
            "is not trained, got neither"
        )


def run_fold(
    recipe: Recipe,
    cache: CropCache,
    fold: Fold,
    folder: Path,
    copies: Mapping[str, frozenset[str]] = MappingProxyType({}),
    network: Path | None = None,
) -> dict[str, Any]:
    """Train one fold and score its sources; a trained fold is not trained again.

    Args:
        recipe: what is trained, to its last step: its patience does not count.
        cache: crops of all sources.
        fold: which sources are left out.
        folder: of the fold's training.
        copies: robots that are copies of people, of ``crossval.copied_sources``.
        network: checkpoint whose features and speech gate the frame evidence is fitted to, instead
            of training a network; only the frame evidence is judged then, since that network may
            have heard all sources.

    Returns:
        What :func:`summarise` reads: per weight of the frame evidence (0: the network alone, equal:
        an equal opinion, where the recipe names no weights, inf: the frame evidence alone) and
        amount of speech AUC and EER, and the AUC of every source.

    Raises:
        ValueError: with ``network``, the recipe has neither mixtures nor a frame network.
    """
    check_frames(recipe, network)
    trials = trials_of(cache, fold)
    part = training_part(cache, fold, copies)
    if network is None:
        detector = _trained(recipe, part, folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        detector = load_detector(network)
    scores = _scores(detector, recipe, cache, part, trials)
    if network is not None:
        scores = {_ALONE: scores[_ALONE]}
    return {
        "sources": sorted(fold.sources),
        "trials": len(trials.crops),
        "gains": {
            gain: {
                f"{seconds:g}": dataclasses.asdict(fold_figures(row, trials))
                for seconds, row in zip(SECONDS, found, strict=True)
            }
            for gain, found in scores.items()
        },
    }


def judge_fold(
    recipe: Recipe,
    cache: CropCache,
    fold: Fold,
    folder: Path,
    copies: Mapping[str, frozenset[str]] = MappingProxyType({}),
    network: Path | None = None,
) -> Path:
    """Run a fold as :func:`run_fold` and write its figures, whole or not at all.

    Beside a network that is not trained nothing of a fold is kept but its figures, so a fold that
    has them is not run again.

    Returns:
        ``figures.json`` in ``folder``.
    """
    path = folder / "figures.json"
    if network is not None and path.exists():
        log.info("fold %d: judged before, see %s", fold.number, path)
        return path
    figures = run_fold(recipe, cache, fold, folder, copies, network)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
    return path


def _trained(recipe: Recipe, part: CropCache, folder: Path) -> Detector:
    """The network of a fold after its last step."""
    # The last step, not the best: choosing a step by the left-out sources would flatter. Without
    # an objective no fold improves, so patience would end them all early.
    if recipe.training.patience:
        log.info("training.patience %d: ignored in folds", recipe.training.patience)
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, patience=0))
    trainer = Trainer(recipe, part, folder, lambda _: {"objective": 0.0})
    if trainer.reached.step < recipe.training.steps:
        trainer.run()
    return load_detector(folder / "last.ckpt")


def _scores(
    detector: Detector, recipe: Recipe, cache: CropCache, part: CropCache, trials: Trials
) -> dict[str, NDArray[np.float32]]:
    """Scores [amounts of speech, trials] by the weight of the frame evidence."""
    gains: tuple[float, ...] = ()
    if recipe.frame_net.hidden:
        detector, gains = with_frame_net(detector, part, recipe.frame_net), recipe.frame_net.gains
    elif recipe.mixture.components:
        detector, gains = with_mixture(detector, part, recipe.mixture), recipe.mixture.gains
    else:
        return {"0": score_crops(detector, cache, trials.crops, SECONDS)}
    found = {}
    for gain in (0.0, 1.0):
        with torch.no_grad():
            detector.pool.gain.fill_(gain)
        found[gain] = score_crops(detector, cache, trials.crops, SECONDS)
    alone = found[1.0] - found[0.0]
    named = {f"{gain:g}": gain for gain in gains}
    if not gains:
        # Each amount of speech is a set of trials, as on dev.
        named = {"equal": equal_gain(list(found[0.0]), list(found[1.0]))}
    # The score is linear in the weight.
    return {
        "0": found[0.0],
        **{name: found[0.0] + gain * alone for name, gain in named.items()},
        _ALONE: alone,
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
        name = _said(gain)
        lines.append(f"{name}: mean 1 - AUC {np.mean(objective):.4f}; " + "; ".join(text))
    longest = f"{SECONDS[-1]:g}"
    first = next(iter(figures[0]["gains"]))
    by_source = {
        name: area
        for f in figures
        for name, area in f["gains"][first][longest]["by_source"].items()
    }
    lines.append(f"AUC per source at {longest} s, hardest first ({_said(first)}):")
    lines += [
        f"  {area:.3f}  {name}" for name, area in sorted(by_source.items(), key=lambda i: i[1])
    ]
    return lines


def _said(gain: str) -> str:
    return "frames alone" if gain == _ALONE else f"frames x {gain}"

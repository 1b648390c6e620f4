"""``ringtrue cross-validate``: a recipe judged on sources of train that it did not learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import (
    DEFAULT_CACHE,
    CacheFolder,
    ManifestPath,
    Recipe,
    RirFolder,
    Workers,
    rooms,
)


def cross_validate(
    recipe: Recipe,
    manifest: ManifestPath,
    out: Annotated[
        Path | None, typer.Option(help="Folder; default: runs/crossval-<recipe name>.")
    ] = None,
    count: Annotated[int, typer.Option("--folds", min=2, help="Folds.")] = 2,
    only: Annotated[
        int | None, typer.Option(min=0, help="Run this fold alone, e.g. one per machine.")
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint: train no network, judge the recipe's frame evidence beside this one.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    cache: CacheFolder = DEFAULT_CACHE,
    rirs: RirFolder = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the optimiser.")] = 2,
    workers: Workers = 2,
) -> None:
    """Train RECIPE once per fold without the fold's sources and copies of their people.

    The sources left out are scored. Split dev holds few sources; here every source of split train
    is heard once by a detector that never learnt from it. Use it to choose between recipes: the
    mean of 1 - AUC (every source weighs the same) and the AUC of every source are printed and
    written to fold-N/figures.json. A recipe with frame mixtures or a frame network fits them in
    every fold and tries every one of the gains that it names, or an equal opinion where it
    names none. The training run of each fold is resumed by the same command; a folder that holds
    another recipe's folds is refused.

    Networks need hours, frame evidence minutes: with --network only the latter is fitted in every
    fold, to the features and the speech gate of that checkpoint, and judged alone. Folds that
    were judged before an interruption are kept.

    Example: ringtrue cross-validate ringtrue --manifest corpus/manifest.jsonl --folds 2
    """
    import torch

    from ringtrue.training.cache import build_cache, open_cache, training_manifest
    from ringtrue.training.checkpoint import load_detector
    from ringtrue.training.crossval import copied_sources, folds, trials_of
    from ringtrue.training.crossval_run import check_frames, claim_folder, judge_fold, summarise
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.recipe import read_recipe

    chosen = read_recipe(recipe)
    if chosen.kind != "network":
        raise ValueError(f"recipe {chosen.name}: expected kind network, got {chosen.kind}")
    check_frames(chosen, network)
    if network is not None:
        load_detector(network)  # what is no checkpoint is told before the cache is made
    folder = out or Path("runs") / f"crossval-{chosen.name}"
    if only is not None and only >= count:
        raise ValueError(f"--only: expected a fold of 0 to {count - 1}, got {only}")
    cached = build_cache(manifest, chosen, cache, rooms(manifest, rirs), workers)
    claim_folder(folder, chosen, cached, count, network)
    crops = open_cache(cached, chosen.crops.count)
    torch.set_num_threads(threads)
    copies = copied_sources(training_manifest(read_manifest(manifest), chosen))
    parts = folds(crops, count)
    for fold in parts:
        trials_of(crops, fold)  # a fold without trials is told before hours of training
    for fold in parts:
        if only is None or fold.number == only:
            judge_fold(chosen, crops, fold, folder / f"fold-{fold.number}", copies, network)
    for line in summarise(sorted(folder.glob("fold-*/figures.json"))):
        typer.echo(line)

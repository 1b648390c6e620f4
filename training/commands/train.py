"""``ringtrue train``: train a recipe from its cached crops."""

from __future__ import annotations

import logging
import shutil
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

log = logging.getLogger(__name__)


def train(
    recipe: Recipe,
    manifest: ManifestPath,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; default: runs/<recipe name>.")
    ] = None,
    cache: CacheFolder = DEFAULT_CACHE,
    rirs: RirFolder = None,
    initial: Annotated[
        Path | None,
        typer.Option(help="Checkpoint to start from, to train on with new samples.", exists=True),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start again: remove the run's checkpoints and log.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the optimiser.")] = 2,
    workers: Workers = 2,
) -> None:
    """Train RECIPE; a stopped run is resumed by the same command.

    Crops that are not in the cache yet are made first (see: ringtrue cache). Every few hundred
    steps the averaged weights are measured on split dev; best.ckpt is the best of them. Progress is
    in log.jsonl and in TensorBoard events (tensorboard --logdir runs).

    Baseline recipes (kind lfcc-gmm, logspec-lr) are trained by the same command.

    Example: ringtrue train ringtrue --manifest corpus/manifest.jsonl
    """
    import torch

    from ringtrue.training.cache import build_cache, open_cache
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.recipe import read_recipe
    from ringtrue.training.trainer import Trainer
    from ringtrue.training.validation import dev_sets, validator

    chosen = read_recipe(recipe)
    folder = out or Path("runs") / chosen.name
    if restart:
        # Only what a run wrote: --out may name a folder that holds other things.
        for name in ("last.ckpt", "best.ckpt", "log.jsonl"):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    crops = build_cache(manifest, chosen, cache, rooms(manifest, rirs), workers)
    if chosen.kind != "network":
        from ringtrue.training.baselines import train_baseline

        typer.echo(f"trained {train_baseline(chosen, crops, folder)}")
        return
    torch.set_num_threads(threads)
    base = chosen.initial or chosen.network
    if base and initial is None:
        log.warning(
            "the released model of this recipe builds on the weights %s; without --initial this "
            "run starts afresh",
            base,
        )
    validate = validator(dev_sets(read_manifest(manifest), cache / "heard"))
    trainer = Trainer(chosen, open_cache(crops, chosen.crops.count), folder, validate, initial)
    best = trainer.run()
    typer.echo(
        f"best weights: {best} (step {trainer.reached.best_step}, "
        f"mean 1 - AUC on dev {trainer.reached.best:.4f})"
    )

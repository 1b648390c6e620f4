"""``ringtrue cache``: compose training crops and send them through the telephone channel, once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import (
    DEFAULT_CACHE,
    CacheFolder,
    ManifestPath,
    Recipe,
    Workers,
)

log = logging.getLogger(__name__)


def cache(
    recipe: Recipe,
    manifest: ManifestPath,
    cache: CacheFolder = DEFAULT_CACHE,
    rirs: Annotated[
        Path | None,
        typer.Option(
            help="Folder of room impulse responses; default: audio/rir beside the manifest.",
            file_okay=False,
        ),
    ] = None,
    workers: Workers = 2,
) -> None:
    """Prepare the training crops of RECIPE.

    Clips are joined, chopped and copy-synthesised, then sent through the simulated telephone
    channel. Stopped runs go on where they were; a larger crops.count only adds crops.

    Example: ringtrue cache ringtrue --manifest corpus/manifest.jsonl
    """
    from ringtrue.training.cache import build_cache
    from ringtrue.training.recipe import read_recipe

    beside = manifest.parent / "audio" / "rir"
    rooms = rirs or (beside if beside.is_dir() else None)
    if rooms is None:
        log.warning("no room impulse responses: training without rooms (see --rirs)")
    folder = build_cache(manifest, read_recipe(recipe), cache, rooms, workers)
    typer.echo(f"crops are in {folder}")

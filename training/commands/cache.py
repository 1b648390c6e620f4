"""``ringtrue cache``: compose training crops and send them through the telephone channel, once."""

from __future__ import annotations

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


def cache(
    recipe: Recipe,
    manifest: ManifestPath,
    cache: CacheFolder = DEFAULT_CACHE,
    rirs: RirFolder = None,
    workers: Workers = 2,
) -> None:
    """Prepare the training crops of RECIPE.

    Clips are joined, chopped and copy-synthesised, then sent through the simulated telephone
    channel. Stopped runs go on where they were; a larger crops.count only adds crops.

    Example: ringtrue cache ringtrue --manifest corpus/manifest.jsonl
    """
    from ringtrue.training.cache import build_cache
    from ringtrue.training.recipe import read_recipe

    folder = build_cache(manifest, read_recipe(recipe), cache, rooms(manifest, rirs), workers)
    typer.echo(f"crops are in {folder}")

"""``ringtrue sweep``: settings that need no training, measured on dev."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import DEFAULT_CACHE, CacheFolder, ManifestPath


def sweep(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint of a run.", exists=True, dir_okay=False)
    ],
    setting: Annotated[
        str, typer.Argument(help="What to try: PART.FIELD=VALUE,VALUE of the recipe's model.")
    ],
    manifest: ManifestPath,
    seconds: Annotated[
        str, typer.Option(help="Seconds of speech of the trials, separated by commas.")
    ] = "1,4",
    cache: CacheFolder = DEFAULT_CACHE,
    threads: Annotated[int, typer.Option(min=1, help="Threads.")] = 2,
) -> None:
    """Measure CHECKPOINT on split dev with other values of one setting, without training.

    Prints the mean of 1 - AUC over the sets of trials and the EER of each set. Put the value that
    dev prefers into the recipe.

    Example: ringtrue sweep runs/ringtrue/best.ckpt pool.memory_seconds=5,10,20 -m manifest.jsonl
    """
    import torch

    from ringtrue.training.checkpoint import load_detector
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.sweep import parse_setting
    from ringtrue.training.sweep import sweep as run
    from ringtrue.training.validation import dev_sets

    torch.set_num_threads(threads)
    wanted = parse_setting(setting)
    durations = [float(value) for value in seconds.split(",")]
    sets = dev_sets(read_manifest(manifest), cache / "heard", durations)
    for outcome in run(load_detector(checkpoint), wanted, sets):
        eers = ", ".join(f"{name} {100 * value:.1f} %" for name, value in outcome.eers.items())
        typer.echo(
            f"{wanted.part}.{wanted.name}={outcome.value:g}: "
            f"mean 1 - AUC {outcome.objective:.4f}; EER {eers}"
        )

"""``ringtrue blend``: average the weights of a run with those it started from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import DEFAULT_CACHE, CacheFolder, ManifestPath

Checkpoint = Annotated[Path, typer.Argument(help="Checkpoint.", exists=True, dir_okay=False)]


def blend(
    first: Checkpoint,
    second: Checkpoint,
    manifest: ManifestPath,
    out: Annotated[Path, typer.Option(help="The checkpoint to write.")],
    shares: Annotated[
        str, typer.Option(help="Shares of SECOND to try, 0 to 1, separated by commas.")
    ] = "0.25,0.5,0.75",
    cache: CacheFolder = DEFAULT_CACHE,
    threads: Annotated[int, typer.Option(min=1, help="Threads.")] = 2,
) -> None:
    """Average the weights of FIRST and SECOND, of which one was trained on from the other.

    A straight line between a model and its fine-tuned successor often holds a better one than both
    ends, above all on data that is unlike training. Every share is measured on split dev; the best
    goes to --out.

    Example: ringtrue blend old.ckpt runs/ringtrue/best.ckpt -m manifest.jsonl --out blend.ckpt
    """
    import torch

    from ringtrue.training.blend import blend as average
    from ringtrue.training.blend import try_blends
    from ringtrue.training.checkpoint import load_detector, save_weights
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.validation import dev_sets

    try:
        wanted = [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise ValueError(f"--shares: expected numbers with commas, got {shares!r}") from error
    torch.set_num_threads(threads)
    pair = load_detector(first), load_detector(second)
    sets = dev_sets(read_manifest(manifest), cache / "heard")
    found = []
    for tried in try_blends(*pair, wanted, sets):
        typer.echo(f"share {tried.share:g}: mean 1 - AUC on dev {tried.objective:.4f}")
        found.append(tried)
    best = min(found, key=lambda tried: tried.objective)
    save_weights(average(*pair, best.share), out)
    typer.echo(f"{out}: share {best.share:g}")

"""``ringtrue fit-mixture``: frame mixtures beside a trained network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringtrue.training.commands.options import DEFAULT_CACHE, CacheFolder, ManifestPath

if TYPE_CHECKING:
    from ringtrue.model.detector import Detector
    from ringtrue.training.cache import CropCache
    from ringtrue.training.recipe import Recipe

FromCheckpoint = Annotated[
    Path, typer.Argument(help="best.ckpt of a run.", exists=True, dir_okay=False)
]
To = Annotated[
    Path | None, typer.Option(help="Checkpoint to write; default: final.ckpt beside it.")
]


def fit_mixture(
    checkpoint: FromCheckpoint,
    manifest: ManifestPath,
    recipe: Annotated[
        str, typer.Option(help="Recipe that was trained, with a section mixture.")
    ] = "ringtrue",
    out: To = None,
    cache: CacheFolder = DEFAULT_CACHE,
    threads: Annotated[int, typer.Option(min=1, help="Threads.")] = 2,
) -> None:
    """Fit frame mixtures to a trained detector, choose their weight on split dev.

    Prints what every weight is worth, how sure that is (a bootstrap over the speakers and
    synthesizers of dev) and 1 - AUC of each set. The mean can be carried by one set: to take
    another weight than the best, name it alone in the recipe (mixture.gains).

    Two Gaussian mixtures over cepstra, one per class, are fitted on the recipe's training crops and
    become layers of the detector beside the network. Export the file that this writes.

    Example: ringtrue fit-mixture runs/ringtrue/best.ckpt --manifest corpus/manifest.jsonl
    """
    from ringtrue.training.mixture_fit import with_mixture

    fit_beside(
        checkpoint, manifest, recipe, out, cache, threads,
        lambda detector, crops, chosen: with_mixture(detector, crops, chosen.mixture),
        lambda chosen: chosen.mixture.gains,
    )  # fmt: skip


def fit_beside(
    checkpoint: Path,
    manifest: Path,
    recipe: str,
    out: Path | None,
    cache: Path,
    threads: int,
    fit: Callable[[Detector, CropCache, Recipe], Detector],
    gains: Callable[[Recipe], tuple[float, ...]],
) -> None:
    """Add frame evidence to a checkpoint, set its weight on dev and say what was tried."""
    import torch

    from ringtrue.training.cache import cache_folder, open_cache
    from ringtrue.training.checkpoint import load_detector, save_weights
    from ringtrue.training.gains import choose_gain
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.recipe import read_recipe
    from ringtrue.training.validation import dev_sets

    torch.set_num_threads(threads)
    chosen = read_recipe(recipe)
    clips = read_manifest(manifest)
    crops = open_cache(cache_folder(cache, clips, chosen), chosen.crops.count)
    target = out or checkpoint.with_name("final.ckpt")
    target.parent.mkdir(parents=True, exist_ok=True)  # not first when minutes of work are done
    detector = fit(load_detector(checkpoint), crops, chosen)
    result = choose_gain(detector, dev_sets(clips, cache / "heard"), gains(chosen))
    save_weights(detector, target)
    least = min(t.objective for t in result.tried)
    for t in result.tried:
        typer.echo(
            f"weight {t.gain:g}: mean 1 - AUC on dev {t.objective:.4f} "
            f"({t.objective - least:.4f} above the least, standard error {t.error:.4f}); "
            + ", ".join(f"{name} {value:.3f}" for name, value in t.by_set.items())
        )
    typer.echo(f"wrote {target} with weight {result.gain:g}")

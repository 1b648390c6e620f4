"""``ringtrue fit-frames``: a frame network beside a trained network."""

from __future__ import annotations

from typing import Annotated

import typer

from ringtrue.training.commands.fit_mixture import FromCheckpoint, To, fit_beside
from ringtrue.training.commands.options import DEFAULT_CACHE, CacheFolder, ManifestPath


def fit_frames(
    checkpoint: FromCheckpoint,
    manifest: ManifestPath,
    recipe: Annotated[
        str, typer.Option(help="Recipe with a section frame_net, and of the crops.")
    ] = "ablation-frames",
    out: To = None,
    cache: CacheFolder = DEFAULT_CACHE,
    threads: Annotated[int, typer.Option(min=1, help="Threads.")] = 2,
) -> None:
    """Train a frame network beside a trained detector, and set its weight.

    It judges single frames of cepstra, is trained on the recipe's training crops and becomes layers
    of the detector beside the network, in place of frame mixtures if it has any. By default its
    opinion weighs as much as the network's: both spread alike over the trials of split dev. With
    frame_net.gains in the recipe dev chooses among those.

    Prints what every weight is worth, how sure that is (a bootstrap over the speakers and
    synthesizers of dev) and 1 - AUC of each set. Export the file that this writes.

    Example: ringtrue fit-frames runs/ringtrue/best.ckpt --manifest corpus/manifest.jsonl
    """
    from ringtrue.training.frame_fit import with_frame_net

    fit_beside(
        checkpoint, manifest, recipe, out, cache, threads,
        lambda detector, crops, chosen: with_frame_net(detector, crops, chosen.frame_net),
        lambda chosen: chosen.frame_net.gains,
    )  # fmt: skip

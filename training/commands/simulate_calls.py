"""``ringtrue simulate-calls``: write a set of simulated two-channel calls."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import ManifestPath, Workers


class CallSplit(StrEnum):
    """Splits that calls are made from."""

    TRAIN = "train"
    DEV = "dev"
    EVAL = "eval"


def simulate_calls(
    manifest: ManifestPath,
    split: Annotated[CallSplit, typer.Option(help="Split whose voices speak.")],
    out: Annotated[Path, typer.Option(help="Folder of the set.", file_okay=False)],
    count: Annotated[int, typer.Option(min=1, help="Number of calls.")] = 100,
    seconds: Annotated[float, typer.Option(help="Longest call in seconds.")] = 120.0,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            help="Kinds that take turns, repeatable or comma-separated: human, tts, scripted, "
            "handover, voicemail. Name a kind twice for twice as many.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 1,
    workers: Workers = 1,
) -> None:
    """Write simulated calls with ground truth: stereo FLAC, left far end, right near end.

    Live people, TTS bots, scripted bots that play recordings of a person, bots that hand over to a
    person, and voicemail. Call i depends on the seed and i alone. A stopped run goes on where it
    was. Sets of different splits share no speaker, synthesizer or prompt.

    Examples:
      ringtrue simulate-calls -m corpus/manifest.jsonl --split dev --out runs/calls-dev --count 300
      ringtrue simulate-calls -m corpus/manifest.jsonl --split dev --out runs/humans --kinds human

    Exit code 0, or 1 when clips are missing or the folder holds another set.
    """
    from ringtrue.training.callsim.calls_on_disk import SetSpec, kinds_of, write_set
    from ringtrue.training.manifest import read_manifest

    digest = read_manifest(manifest).digest()
    spec = SetSpec(split.value, seconds, kinds_of(kinds or []), seed, digest)
    calls = write_set(manifest, spec, out, count, workers)
    found = Counter(call.truth.kind for call in calls)
    minutes = sum(call.truth.seconds for call in calls) / 60
    typer.echo(f"{len(calls)} calls, {minutes:.0f} minutes: " + ", ".join(
        f"{number} {kind}" for kind, number in sorted(found.items())
    ))  # fmt: skip
    typer.echo(f"set: {out}")

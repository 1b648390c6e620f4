"""``ringtrue import-recordings``: clips and manifest rows from a folder of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_recordings(
    recordings: Annotated[
        list[str], typer.Argument(help="Files, folders or patterns of one source.")
    ],
    source: Annotated[str, typer.Option(help="Name of the source: one campaign, package or page.")],
    out: Annotated[Path, typer.Option(help="Folder for the clips and their manifest.jsonl.")],
    label: Annotated[str, typer.Option(help="human, tts, vocoded or vc.")] = "human",
    split: Annotated[str, typer.Option(help="train, dev or eval; a source belongs to one.")] = (
        "train"
    ),
    language: Annotated[str, typer.Option(help="ISO code; empty: mixed or unknown.")] = "",
    speakers: Annotated[
        str, typer.Option(help="Who speaks: unknown, one, or one per folder or file.")
    ] = "unknown",
    system: Annotated[str, typer.Option(help="Synthesizer, for robots.")] = "",
    condition: Annotated[str, typer.Option(help="studio (anything else) or phone.")] = "studio",
    licence: Annotated[str, typer.Option(help="Licence of the audio.")] = "",
    commercial_ok: Annotated[
        bool, typer.Option("--commercial-ok", help="It allows training a released model.")
    ] = False,
    recorded_prompt: Annotated[
        bool, typer.Option("--recorded-prompt", help="Professional prompts of a person.")
    ] = False,
    longest: Annotated[float, typer.Option(help="Seconds of a clip, at most.")] = 12.0,
    shortest: Annotated[float, typer.Option(help="Seconds of a clip, at least.")] = 0.5,
    most_minutes: Annotated[
        float | None,
        typer.Option(help="Minutes of clips per speaker, at most: variety counts, not hours."),
    ] = None,
) -> None:
    """Cut RECORDINGS of one source at pauses into clips, and write their manifest.

    Any format and rate that ringtrue score reads is taken. Clips are 8 kHz mono FLAC, trimmed to
    150 ms, at -26 dBFS; clips that exist are kept, so a stopped run goes on. Files that cannot be
    read are named at the end. Add the clips to a manifest with: ringtrue manifest merge.

    Example: ringtrue import-recordings /usr/share/ktuberling/sounds/da --source ktuberling_da
    --language da --licence GPL-2+ --commercial-ok --out people/da
    """
    from ringtrue.inference.collect import collect
    from ringtrue.training.import_recordings import SPEAKERS
    from ringtrue.training.import_recordings import import_recordings as run
    from ringtrue.training.manifest import Clip

    who = next((s for s in SPEAKERS if s == speakers), None)
    if who is None:
        raise ValueError(f"--speakers: expected {', '.join(SPEAKERS)}, got {speakers!r}")
    row = Clip(
        id="",
        path="",
        label=label,
        split=split,
        seconds=0.0,
        source=source,
        system=system,
        language=language,
        licence=licence,
        condition=condition,
        commercial_ok=commercial_ok,
        recorded_prompt=recorded_prompt,
    )
    limit = None if most_minutes is None else most_minutes * 60
    found = [Path(name) for name in collect(recordings)]
    done = run(found, out, row, who, longest, shortest, limit)
    typer.echo(
        f"{done.written} clips written, {len(done.manifest)} rows of "
        f"{done.manifest.hours * 60:.1f} min in {out / 'manifest.jsonl'}; "
        f"{done.silent} recordings without speech, {len(done.failed)} unreadable"
    )
    for failure in done.failed:
        typer.echo(failure, err=True)
    if done.failed:
        raise typer.Exit(1)

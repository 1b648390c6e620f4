"""``ringtrue synthesise``: robot clips from a synthesizer that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synthesise(
    engine: Annotated[
        str,
        typer.Argument(
            help="espeak-ng, festival, flite, or a command in quotes with {file}, {wav}, {voice}."
        ),
    ],
    texts: Annotated[Path, typer.Option(help="Text file, one clip a line.", exists=True)],
    out: Annotated[Path, typer.Option(help="Folder for the clips and their manifest.jsonl.")],
    source: Annotated[str, typer.Option(help="Name of the source; also the system.")],
    voice: Annotated[list[str] | None, typer.Option(help="Voice. Repeatable.")] = None,
    language: Annotated[str, typer.Option(help="ISO code of the texts.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the voices.")] = "",
    commercial_ok: Annotated[
        bool, typer.Option("--commercial-ok", help="It allows training a released model.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="Encoding that the program expects.")] = "utf-8",
) -> None:
    """Speak every line of a text file with a synthesizer; clips and rows as training wants them.

    The synthesizer is not part of this project; the message says what to install. Clips are 8 kHz,
    trimmed to 150 ms and at -26 dBFS, labelled tts and in the split train; clips that exist are
    kept. Add them to a manifest with: ringtrue manifest merge.

    Example: ringtrue synthesise festival --voice czech_ph --encoding iso-8859-2 --texts cs.txt
    --language cs --source festival_czech --out voices
    """
    from ringtrue.training.manifest import Clip
    from ringtrue.training.synthesise import find_engine
    from ringtrue.training.synthesise import synthesise as run

    lines = [line.strip() for line in texts.read_text(encoding="utf-8").splitlines()]
    spoken = [line for line in lines if line]
    row = Clip(
        id="",
        path="",
        label="tts",
        split="train",
        seconds=0.0,
        source=source,
        system=source,
        speaker=f"{source}:",
        language=language,
        licence=licence,
        commercial_ok=commercial_ok,
    )
    done = run(find_engine(engine), spoken, out, row, voice or (), encoding)
    typer.echo(
        f"{done.written} written, {len(done.failed)} failed; "
        f"{len(done.manifest)} rows in {out / 'manifest.jsonl'}"
    )
    for failure in done.failed:
        typer.echo(failure, err=True)
    if done.failed:
        raise typer.Exit(1)

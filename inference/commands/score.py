"""``ringtrue score``: score many recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.collect import collect
from ringtrue.inference.commands import options
from ringtrue.inference.commands.explain import explain_one
from ringtrue.inference.rows import FORMATS, RowWriter, output_file, row_writer
from ringtrue.inference.score import score_files
from ringtrue.inference.session import Session

INTERRUPTED = 130


def score(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS...",
            help="Recordings, folders (searched for audio files) and quoted patterns.",
            show_default=False,
        ),
    ],
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(FORMATS),
            help="Output format; otherwise from the ending of --out, else a table.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write to.", show_default=False),
    ] = None,
    channel: options.Channel = ChannelChoice.BOTH,
    operating_point: options.Point = "cautious",
    model: options.Model = None,
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
    threads: options.Threads = 1,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell one call: figures, timeline, what happened.")
    ] = False,
) -> None:
    """Score recordings, one row per channel.

    Columns: path, channel, seconds, speech_seconds, p_robot, voice_llr, verdict, flagged_at,
    reasons, error.

    'verdict' is robot if the call was flagged at any time (flagged_at: seconds into the call),
    even when a person took over later; no-speech if there was too little speech for a verdict;
    else the verdict at the end, human or unsure. 'voice_llr' (natural-log likelihood ratio
    robot : human) and 'p_robot' (at even odds before the call) are those of the strongest moment
    of a flagged call, and of the end of any other. A damaged file is scored as far as it can be
    decoded, with a warning among its reasons; one that cannot be read gets a row with 'error'.

    Examples:
      ringtrue score call.wav
      ringtrue score recordings/ --out scores.csv
      ringtrue score 'calls/**/*.mp3' --format jsonl --channel right
      ringtrue score exports/ --raw-rate 8000 --raw-format mulaw
      ringtrue score call.wav --explain

    Exit code 0 when all was scored, 1 when some recordings could not be, 2 for wrong options or
    when nothing was found, 130 after Ctrl-C (what was scored until then is written).
    """
    kind = _format(format_name, out)
    raw = options.raw_format(raw_rate, raw_format, raw_channels)
    if explain:
        explain_one(paths, Session(model, threads), channel, operating_point, raw)
        return
    names = collect(paths, headerless=raw is not None)
    if not names:
        raise ValueError(f"no recordings found in {', '.join(paths)}")
    session = Session(model, threads)
    session.info.operating_point(operating_point)
    done = failed = 0
    interrupted = False
    with _writer(kind, out) as writer, _progress() as progress:
        task = progress.add_task("", total=len(names))
        results = score_files(
            names, session, channel=channel, operating_point=operating_point, raw=raw
        )
        try:
            for rows in results:
                for row in rows:
                    writer.write(row)
                done += 1
                failed += any(row.error for row in rows)
                progress.update(task, advance=1, description=Path(rows[0].path).name[-40:])
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        typer.echo(f"interrupted: {done} of {len(names)} recordings were scored", err=True)
        raise typer.Exit(INTERRUPTED)
    if failed:
        typer.echo(f"{failed} of {len(names)} recordings could not be scored", err=True)
        raise typer.Exit(1)


def _format(name: str | None, out: Path | None) -> str:
    if name is None:
        endings = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
        return endings.get(out.suffix.lower() if out else "", "table")
    if name not in FORMATS:
        raise ValueError(f"expected --format {', '.join(FORMATS)}, got {name!r}")
    return name


@contextmanager
def _writer(kind: str, out: Path | None) -> Iterator[RowWriter]:
    if out is None:
        writer = row_writer(kind, sys.stdout)
        yield writer
        writer.close()
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(output_file(out))
        except OSError as error:
            raise ValueError(f"cannot write {out}: {error.strerror}") from error
        writer = row_writer(kind, stream)
        stack.callback(writer.close)
        yield writer


def _progress() -> Progress:
    """A bar on standard error, only where a person sees it."""
    console = Console(stderr=True)
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )

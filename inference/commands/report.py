"""``ringtrue report``: a page that shows scored recordings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringtrue.inference.commands import options
from ringtrue.inference.report.build import AudioMode, ReportOptions, build_report, check_folder
from ringtrue.inference.report.detail import Scorer
from ringtrue.inference.report.page import summary
from ringtrue.inference.report.results import Results
from ringtrue.inference.session import Session

INTERRUPTED = 130


def report(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="What 'ringtrue score' wrote: CSV, JSON lines or Parquet.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write to.")] = Path(
        "report"
    ),
    timelines: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Timelines that were stored when scoring.", show_default=False
        ),
    ] = None,
    audio: Annotated[
        AudioMode,
        typer.Option(
            help="Beside each picture: 'link' plays the recording where it is, 'embed' puts a "
            "small copy (8 kHz MP3) into the folder, 'none'."
        ),
    ] = AudioMode.LINK,
    png: Annotated[
        bool,
        typer.Option("--png", help="Also write PNG pictures; needs the extra 'plot'."),
    ] = False,
    detail: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Score at most N recordings without a stored timeline again for their picture, "
            "the strongest robots first.",
        ),
    ] = 200,
    rows: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Rows in the table at most; the totals always count all."
        ),
    ] = 20_000,
    base: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Where relative paths of RESULTS start, besides here and its own folder.",
            show_default=False,
        ),
    ] = None,
    operating_point: options.Point = "cautious",
    model: options.Model = None,
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
    threads: options.Threads = 1,
) -> None:
    """Make a page of scored recordings that a person reads in a minute.

    The folder holds one page, index.html, that needs no network and opens on a phone: totals,
    totals over time, the distribution of scores, errors by kind, a table to sort and filter, and
    per call a timeline with waveform, speech, evidence, verdicts and the flag, with the recording
    playable beside it. Its data are inside the page; with many pictures some lie beside it.

    Timelines come from --timelines; other calls are scored again when their recording is still
    readable (--detail). --operating-point and --model count for those, unless the results name
    the operating point themselves.

    The page names files and, with 'embed', holds audio: share it as you would the recordings.

    Examples:
      ringtrue score calls/ --out scores.csv && ringtrue report scores.csv
      ringtrue report scores.jsonl --out march/ --audio embed --png
      ringtrue report scores.parquet --timelines timelines/ --detail 0

    Exit code 0 when the page was written, 1 when RESULTS cannot be read or the folder cannot be
    written, 2 for wrong options or when RESULTS is something else, 130 after Ctrl-C (the page
    shows what was drawn until then).
    """
    raw = options.raw_format(raw_rate, raw_format, raw_channels)
    check_folder(out)
    if timelines is not None and not timelines.is_dir():
        raise ValueError(f"expected a folder of timelines, got {timelines}")
    read = Results(results)

    @cache
    def session() -> Session:
        made = Session(model, threads)
        made.info.operating_point(operating_point)
        return made

    if model is not None or detail:
        # Wrong options are told before the work begins.
        session()
    bases = (results.parent, *(base or ()))
    with _progress() as bar:
        task = bar.add_task("drawing calls", total=None)
        built = build_report(
            read,
            Scorer(session, operating_point, raw, bases),
            ReportOptions(out, timelines, audio, png, detail, rows, bases),
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    typer.echo(summary(built.totals))
    typer.echo(f"report: {built.index} ({built.drawn} calls with a picture)")
    if read.unreadable:
        typer.echo(f"{read.unreadable} rows could not be read, such as {read.notes[0]}", err=True)
    if built.interrupted:
        raise typer.Exit(INTERRUPTED)


def _progress() -> Progress:
    """A bar on standard error, only where a person sees it."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )

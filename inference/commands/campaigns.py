"""``ringtrue campaigns``: recordings that share prompts."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.collect import collect
from ringtrue.inference.commands import options
from ringtrue.inference.replay.campaign_report import clock, to_html, to_json
from ringtrue.inference.replay.campaigns import Campaign, find_campaigns
from ringtrue.inference.replay.listened import Listened, Listener, stretches


def campaigns(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS...", help="Recordings, folders and quoted patterns.", show_default=False
        ),
    ],
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all clips and times as JSON."),
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page to look at.")
    ] = None,
    channel: options.Channel = ChannelChoice.BOTH,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep fingerprints here, so that an interrupted or repeated run goes on from "
            "them. They hold the spectral shape of speech: treat them like recordings.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="Processes that hear recordings.")
    ] = min(2, os.cpu_count() or 1),
    model: options.Model = None,
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
) -> None:
    """Group recordings that play the same clips.

    Speech of 1.5 s or more is compared across all recordings, through different codecs and noise.
    The table lists each campaign's recordings and its most shared clip; --html shows when each
    clip is heard. A recording that cannot be read gets a row and does not stop the others.

    Examples:
      ringtrue campaigns calls/
      ringtrue campaigns calls/ --channel right --html campaigns.html --json campaigns.json
      ringtrue campaigns 'archive/**/*.mp3' --cache fingerprints/ --jobs 4

    Exit code 0 when all was read, 1 when some recordings could not be, 2 for wrong options or
    when nothing was found.
    """
    raw = options.raw_format(raw_rate, raw_format, raw_channels)
    names = collect(paths, headerless=raw is not None)
    if not names:
        raise ValueError(f"no recordings found in {', '.join(paths)}")
    for target in (json_file, html_file):
        if target is not None and not target.absolute().parent.is_dir():
            raise ValueError(f"cannot write {target}: its folder does not exist")
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = cache or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listener = Listener(folder, model, channel, raw)
        progress = stack.enter_context(
            Progress(console=console, disable=not console.is_terminal, transient=True)
        )
        task = progress.add_task("hearing", total=len(names))
        recordings: list[Listened] = []
        for one in listener.listen(names, jobs):
            recordings.append(one)
            progress.update(task, advance=1)
        comparing = progress.add_task("comparing", total=None)
        found = find_campaigns(
            lambda: stretches(recordings),
            progress=lambda count: progress.update(comparing, completed=count),
        )
    if json_file is not None:
        _write(json_file, json.dumps(to_json(found, recordings), indent=2) + "\n")
    if html_file is not None:
        _write(html_file, to_html(found, recordings, "Campaigns"))
    _table(found, recordings)
    for one in recordings:
        for warning in one.warnings:
            typer.echo(f"warning: {one.path}: {warning}", err=True)
    failed = sum(bool(r.error) for r in recordings)
    if failed:
        typer.echo(f"{failed} of {len(recordings)} recordings could not be read", err=True)
        raise typer.Exit(1)


def _table(found: list[Campaign], recordings: list[Listened]) -> None:
    from rich.text import Text

    console = Console(width=None if Console().is_terminal else 160)
    table = Table(header_style="bold", pad_edge=False)
    for column in ("campaign", "recording", "clips", "first shared clip / error"):
        table.add_column(column, overflow="fold")
    for campaign in found:
        for path in campaign.paths:
            here = [
                (place.start, clip, place)
                for clip in campaign.clips
                for place in clip.places
                if place.path == path
            ]
            start, clip, place = min(here, key=lambda item: item[0])
            others = len({p.path for p in clip.places}) - 1
            table.add_row(
                campaign.name,
                Text(path),
                str(len({c.name for _, c, _ in here})),
                Text(f"{clip.name} at {clock(start)}-{clock(place.stop)}, in {others} more"),
            )
        table.add_section()
    for recording in recordings:
        if recording.error:
            table.add_row("error", Text(recording.path), "", Text(recording.error, style="red"))
    if table.row_count:
        console.print(table)
    inside = sum(len(c.paths) for c in found)
    typer.echo(f"{len(found)} campaigns, {inside} of {len(recordings)} recordings in them")


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="replace")
    os.replace(part, path)

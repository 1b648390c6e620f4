"""Makes a report's folder from results."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ringtrue.inference.audio import AudioError
from ringtrue.inference.report.detail import Detail, Scorer, draw_strongest, stored_details
from ringtrue.inference.report.page import GENERATOR, Page, render
from ringtrue.inference.report.png import check_png, draw_call, draw_overview
from ringtrue.inference.report.recordings import copy_channel, copy_suffix, link, locate
from ringtrue.inference.report.results import Results
from ringtrue.inference.report.select import Selection
from ringtrue.inference.report.totals import Totals
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.timeline import Timeline
from ringtrue.inference.timeline_file import timeline_path

log = logging.getLogger(__name__)

PARTS = {"audio": (".mp3", ".opus"), "png": (".png",), "data": (".js",)}
"""Folders below a report and the endings of what it writes there."""


class AudioMode(StrEnum):
    """What stands beside a picture: a small copy, a link to the recording, or nothing."""

    EMBED = "embed"
    LINK = "link"
    NONE = "none"


@dataclass(frozen=True)
class ReportOptions:
    """How a report is made.

    Attributes:
        out: its folder; made when missing.
        timelines: folder of stored timelines, or None.
        audio: what is beside the pictures.
        png: also write PNG pictures.
        detail: recordings to score again at most, for want of a stored timeline.
        rows: of the table, at most.
        bases: folders that relative paths may start from.
    """

    out: Path
    timelines: Path | None = None
    audio: AudioMode = AudioMode.LINK
    png: bool = False
    detail: int = 200
    rows: int = 20_000
    bases: Sequence[Path] = field(default_factory=tuple)


@dataclass(frozen=True)
class BuiltReport:
    """What was made.

    Attributes:
        index: the page.
        totals: of the results.
        drawn: rows with a picture.
        interrupted: Ctrl-C ended the drawing; the report holds what was drawn until then.
    """

    index: Path
    totals: Totals
    drawn: int
    interrupted: bool = False


def build_report(
    results: Results,
    scorer: Scorer,
    options: ReportOptions,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BuiltReport:
    """Write the report of ``results`` and return what was made.

    An older report in the same folder is replaced, other files stay.

    Raises:
        ValueError: the folder holds an ``index.html`` that is not a report's.
        MissingExtraError: PNG without matplotlib.
        OSError: something cannot be written.
    """
    check_folder(options.out)
    if options.png:
        check_png()
    totals, selection = Totals(), Selection(options.rows)
    for row in results:
        totals.add(row)
        selection.add(row)
    notes, unreadable = list(results.notes), results.unreadable
    over_time = totals.over_time(results)
    rows = selection.rows()
    folder = _Folder(options.out)
    pictures: dict[tuple[str, str], str] = {}
    thresholds: set[tuple[float, float | None]] = set()

    def observe(row: ScoreRow, timeline: Timeline) -> None:
        thresholds.add((timeline.point.flag_llr, timeline.point.human_llr))
        if options.png:
            name = f"png/{_stem(row)}.png"
            draw_call(timeline, folder.file(name))
            pictures[row.path, row.channel] = name

    details = stored_details(rows, options.timelines, observe)
    interrupted = False
    try:
        draw_strongest(rows, details, scorer, options.detail, progress, observe)
    except KeyboardInterrupt:
        interrupted = True
    audio: list[str | None] = [None] * len(rows)
    if options.audio is not AudioMode.NONE and not interrupted:
        try:
            _sound(rows, details, audio, scorer, options, folder)
        except KeyboardInterrupt:
            interrupted = True
    if options.png:
        draw_overview(totals, over_time, results.path.name, folder.file("png/overview.png"))
    page = Page(
        source=results.path.name,
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
        totals=totals,
        over_time=over_time,
        rows=rows,
        details=details,
        audio=audio,
        pictures=[pictures.get((row.path, row.channel)) for row in rows],
        thresholds=_common_thresholds(thresholds, totals),
        notes=notes,
        unreadable=unreadable,
    )
    for name, text in render(page).items():
        folder.write(name, text)
    folder.clean()
    drawn = sum(detail.curves is not None for detail in details)
    return BuiltReport(options.out / "index.html", totals, drawn, interrupted)


def _common_thresholds(
    drawn: set[tuple[float, float | None]], totals: Totals
) -> tuple[float, float | None] | None:
    """The (flag, human) thresholds that all pictures share, else the flag's of all rows."""
    if not drawn and totals.flag_llrs:
        drawn = {(flag, None) for flag in totals.flag_llrs}
    return next(iter(drawn)) if len(drawn) == 1 else None


def check_folder(out: Path) -> None:
    """Raises ValueError when a report in ``out`` would replace something else."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"expected a folder to write the report to, got the file {out}")
    index = out / "index.html"
    if index.exists():
        head = index.read_bytes()[:8192]
        if f'content="{GENERATOR}"'.encode() not in head:
            raise ValueError(f"{index} is not a report of ringtrue and is not replaced")


def _sound(
    rows: Sequence[ScoreRow],
    details: Sequence[Detail],
    audio: list[str | None],
    scorer: Scorer,
    options: ReportOptions,
    folder: _Folder,
) -> None:
    for number, (row, detail) in enumerate(zip(rows, details, strict=True)):
        embed = options.audio is AudioMode.EMBED
        if row.error or (embed and detail.curves is None):
            continue
        file = locate(row.path, scorer.bases)
        if file is None:
            continue
        if not embed:
            audio[number] = link(file, options.out)
            continue
        name = f"audio/{_stem(row)}{copy_suffix()}"
        try:
            copy_channel(file, row.channel, folder.file(name), scorer.raw)
            audio[number] = name
        except AudioError as error:
            log.warning("%s", error)


def _stem(row: ScoreRow) -> str:
    return timeline_path("", row.path, row.channel).stem


class _Folder:
    """Files below the report's folder; those of an older report are removed at the end."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._written: set[Path] = set()
        out.mkdir(parents=True, exist_ok=True)

    def file(self, name: str) -> Path:
        """The path of a file that is about to be written."""
        file = self._out / name
        file.parent.mkdir(exist_ok=True)
        self._written.add(file)
        return file

    def write(self, name: str, text: str) -> None:
        """Write a text whole or not at all."""
        file = self.file(name)
        part = file.with_name(f".{file.name}.part")
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what an older report left."""
        for part, endings in PARTS.items():
            folder = self._out / part
            if not folder.is_dir():
                continue
            for file in folder.iterdir():
                if file.suffix in endings and file not in self._written:
                    file.unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()

"""The timelines behind the rows: stored ones, and new ones for the strongest robots."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ringtrue.inference.audio import AudioError, RawFormat
from ringtrue.inference.evidence.voice import Runner
from ringtrue.inference.report.curves import pack
from ringtrue.inference.report.recordings import locate
from ringtrue.inference.report.select import strongest
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.timeline import Timeline
from ringtrue.inference.timeline_file import TimelineError, find_timeline
from ringtrue.inference.trace import trace_file

Observer = Callable[[ScoreRow, Timeline], None]
"""Sees each timeline before it is packed, to draw it elsewhere."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Detail:
    """What is known of a row besides itself.

    Attributes:
        curves: the packed timeline of its channel, or None.
        source: ``stored``, ``rescored``, or why there is none: ``limit`` (more rows than were to
            be drawn), ``missing`` (no recording there), ``failed``; empty for errors.
        words: what went wrong, if something did.
    """

    curves: dict[str, Any] | None = None
    source: str = ""
    words: str = ""


@dataclass
class Scorer:
    """How recordings are scored again for their picture.

    Attributes:
        session: makes or gives the model when it is first needed.
        operating_point: for rows that do not name theirs.
        raw: how to read headerless files.
        bases: folders that relative paths may start from.
    """

    session: Callable[[], Runner]
    operating_point: str = "cautious"
    raw: RawFormat | None = None
    bases: Sequence[Path] = field(default_factory=tuple)
    _last: tuple[tuple[Path, str, bool], dict[str, Timeline]] | None = None

    def timeline(self, row: ScoreRow, file: Path) -> Timeline:
        """The timeline of the row's channel; AudioError, ValueError or OSError."""
        key = (file, row.operating_point or self.operating_point, row.channel == "mix")
        # The second side of a stereo recording was scored with the first.
        if self._last is None or self._last[0] != key:
            traced = trace_file(
                file,
                self.session(),
                channel="mix" if key[2] else "both",
                operating_point=key[1],
                raw=self.raw,
            )
            self._last = (key, {scored.channel: line for scored, line in traced})
        found = self._last[1].get(row.channel or next(iter(self._last[1])))
        if found is None:
            raise ValueError(f"the recording has no channel {row.channel} now")
        return found


def _unseen(row: ScoreRow, timeline: Timeline) -> None:
    """No other drawing."""


def stored_details(
    rows: Sequence[ScoreRow], folder: Path | None, observe: Observer = _unseen
) -> list[Detail]:
    """What ``folder`` holds for each row."""
    details = []
    for row in rows:
        detail = Detail()
        if folder is not None and not row.error:
            try:
                if timeline := find_timeline(folder, row.path, row.channel):
                    observe(row, timeline)
                    detail = Detail(pack(timeline), "stored")
            except TimelineError as error:
                log.warning("%s", error)
                detail = Detail(words=str(error))
        details.append(detail)
    return details


def draw_strongest(
    rows: list[ScoreRow],
    details: list[Detail],
    scorer: Scorer,
    limit: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    observe: Observer = _unseen,
) -> None:
    """Fill ``details`` of rows that have no timeline, the strongest robots first.

    Args:
        rows: of the table.
        details: as :func:`stored_details` gave them; changed in place.
        scorer: scores the recordings.
        limit: rows to score at most.
        progress: is told (rows done, rows to do).
        observe: sees each timeline.

    Raises:
        KeyboardInterrupt: Ctrl-C; what was drawn until then stays.
    """
    todo: list[tuple[int, Path]] = []
    for number in strongest(rows):
        if details[number].curves is not None:
            continue
        if len(todo) >= limit:
            details[number] = Detail(source="limit")
        elif (file := locate(rows[number].path, scorer.bases)) is None:
            details[number] = Detail(source="missing")
        else:
            details[number] = Detail(source="limit")
            todo.append((number, file))
    # Both sides of a recording one after the other, so that it is read once.
    rank: dict[Path, int] = {}
    for _, file in todo:
        rank.setdefault(file, len(rank))
    todo.sort(key=lambda pair: rank[pair[1]])
    for done, (number, file) in enumerate(todo):
        progress(done, len(todo))
        try:
            timeline = scorer.timeline(rows[number], file)
            details[number] = Detail(pack(timeline), "rescored")
        except AudioError as error:
            details[number] = Detail(source="failed", words=error.problem)
        # Whatever a decoder does to one odd file, the others are still to be drawn.
        except Exception as error:
            log.debug("%s", file, exc_info=True)
            details[number] = Detail(source="failed", words=f"{type(error).__name__}: {error}")
        else:
            observe(rows[number], timeline)
    progress(len(todo), len(todo))

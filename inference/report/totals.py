"""What a page says about all rows at once, gathered in one pass and bounded memory."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ringtrue.inference.report.dates import Buckets, bucket, date_in_name, date_of_file
from ringtrue.inference.report.results import KINDS
from ringtrue.inference.score import ScoreRow

BIN = 0.5
"""Width of a bar of the histogram, natural log."""
EDGE = 12.0
"""Scores beyond ±EDGE are counted in the outermost bars."""
DATED = 0.8
"""Dates are used when at least this share of the rows has one."""
PARTS = 30
"""Parts that the rows are cut into where there are no dates."""
_SHORT_SPAN = 3600.0
MAX_ERROR_KINDS = 1000


@dataclass(frozen=True)
class ErrorKind:
    """Errors that say the same, numbers and names aside."""

    text: str
    count: int
    example: str


@dataclass(frozen=True)
class OverTime:
    """Counts along time or order.

    Attributes:
        source: ``names``, ``files`` (their date of change) or ``order``.
        unit: of a step: ``minute`` … ``year``, or ``rows``.
        labels: start of each step, ISO date or number of the first row (from 1).
        counts: by kind.
        undated: rows without a date.
    """

    source: str
    unit: str
    labels: tuple[str, ...]
    counts: tuple[dict[str, int], ...]
    undated: int = 0


@dataclass
class Totals:
    """Sums over rows; :meth:`add` them, then ask.

    Attributes:
        rows, recordings: counted; a recording is a run of rows with one path.
        kinds: rows by kind.
        seconds, speech_seconds: sums.
        flagged: seconds into the call of every flag.
        bins: rows by (bar of the histogram, kind).
        models, points, flag_llrs: rows by what made them.
    """

    rows: int = 0
    recordings: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    speech_seconds: float = 0.0
    flagged: list[float] = field(default_factory=list)
    bins: Counter[tuple[int, str]] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    flag_llrs: Counter[float] = field(default_factory=Counter)
    _errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    _last: str = ""
    _order: bytearray = field(default_factory=bytearray)
    _named: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    _days_only: bool = False

    def add(self, row: ScoreRow) -> None:
        """Count one row."""
        kind = row.kind
        self.rows += 1
        self.recordings += row.path != self._last
        self._last = row.path
        self.kinds[kind] += 1
        self._order.append(KINDS.index(kind))
        self.seconds += row.seconds or 0.0
        self.speech_seconds += row.speech_seconds or 0.0
        if row.flagged_at is not None:
            self.flagged.append(row.flagged_at)
        if row.voice_llr is not None and kind not in ("error", "no-speech"):
            inside = min(max(row.voice_llr, -EDGE), EDGE - BIN / 2)
            self.bins[math.floor(inside / BIN), kind] += 1
        for value, counter in (
            (row.model_version, self.models),
            (row.operating_point, self.points),
        ):
            if value:
                counter[value] += 1
        if row.flag_llr is not None:
            self.flag_llrs[row.flag_llr] += 1
        if row.error:
            text = error_kind(row.error)
            if text in self._errors or len(self._errors) < MAX_ERROR_KINDS:
                count, example = self._errors.get(text, (0, row.path))
                self._errors[text] = (count + 1, example)
        if found := date_in_name(row.path):
            self._named[found[0], kind] += 1
            self._days_only |= not found[1]

    @property
    def median_flag(self) -> float | None:
        """Median of the seconds to the first flag, or None without flags."""
        if not self.flagged:
            return None
        ordered = sorted(self.flagged)
        return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2

    def errors(self) -> list[ErrorKind]:
        """Errors by kind, the most frequent first."""
        kinds = [ErrorKind(text, n, example) for text, (n, example) in self._errors.items()]
        return sorted(kinds, key=lambda k: (-k.count, k.text))

    def histogram(self) -> tuple[float, list[dict[str, int]]]:
        """(lower end of the first bar, rows by kind of each bar of :data:`BIN`)."""
        if not self.bins:
            return 0.0, []
        first, last = min(n for n, _ in self.bins), max(n for n, _ in self.bins)
        bars: list[dict[str, int]] = [{} for _ in range(last - first + 1)]
        for (number, kind), count in self.bins.items():
            bars[number - first][kind] = count
        return first * BIN, bars

    def over_time(self, rows: Iterable[ScoreRow]) -> OverTime:
        """Counts along the dates of names, else of files, else along the order of the rows.

        Args:
            rows: the same rows again; read only when the names hold no dates.
        """
        needed = DATED * self.rows
        dated = self._named.total()
        if dated >= needed and (steps := bucket(self._named, self._finest)):
            return _timed("names", steps, self.rows - dated)
        files: Counter[tuple[datetime, str]] = Counter()
        for number, row in enumerate(rows, 1):
            if at := date_of_file(row.path):
                files[at, row.kind] += 1
            # Results of another machine: no need to ask for a million files.
            if number >= 1000 and files.total() < number / 10:
                break
        dated = files.total()
        times = [at for at, _ in files]
        # Files written within an hour were copied together.
        told = times and (max(times) - min(times)).total_seconds() > _SHORT_SPAN
        if dated >= needed and told and (steps := bucket(files)):
            return _timed("files", steps, self.rows - dated)
        return self._by_order()

    @property
    def _finest(self) -> str:
        return "day" if self._days_only else "minute"

    def _by_order(self) -> OverTime:
        size = max(1, math.ceil(self.rows / PARTS))
        starts = range(0, self.rows, size)
        parts = [Counter(self._order[start : start + size]) for start in starts]
        counts = tuple({KINDS[code]: n for code, n in part.items()} for part in parts)
        return OverTime("order", "rows", tuple(str(s + 1) for s in starts), counts)


def _timed(source: str, steps: Buckets, undated: int) -> OverTime:
    form = "%Y-%m-%d %H:%M" if steps.unit in ("minute", "hour") else "%Y-%m-%d"
    labels = tuple(start.strftime(form) for start in steps.starts)
    return OverTime(source, steps.unit, labels, tuple(dict(c) for c in steps.counts), undated)


_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,:]\d+)*(?![A-Za-z\d])")


def error_kind(text: str) -> str:
    """An error without what differs from file to file: quoted names and numbers."""
    return " ".join(_NUMBER.sub("…", _QUOTED.sub("…", text)).split())[:160]

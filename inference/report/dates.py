"""When a call took place, as far as its file tells."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = re.compile(
    r"(?<!\d)((?:19[89]|20\d)\d)([-_./]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:[T_ .@-]{0,2}([01]\d|2[0-3])([-:_.h]?)([0-5]\d)(?:[-:_.m]?[0-5]\d)?)?(?!\d)"
)
_ASTERISK = re.compile(r"(?<!\d)(1[0-9]\d{8})\.\d+")
"""Asterisk names recordings by the second of the epoch, a point and a counter."""

BUCKETS = 60
"""At most so many steps of time are drawn."""


def date_in_name(path: str) -> tuple[datetime, bool] | None:
    """The last date in a path and whether it has a time of day, or None.

    Known are 2026-03-07, 20260307, 2026_03_07, 2026/03/07 (also as folders), followed or not by a
    time such as 14-05, 14:05:33 or T140533, and Asterisk's 1772891133.4567.
    """
    path = path.replace("\\", "/")
    for found in reversed(list(_DAY.finditer(path))):
        year, _, month, day, hour, _, minute = found.groups()
        try:
            at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
        except ValueError:
            continue
        return at, hour is not None
    if epoch := _ASTERISK.search(os.path.basename(path)):
        return datetime.fromtimestamp(int(epoch[1])).replace(second=0), True
    return None


def date_of_file(path: str) -> datetime | None:
    """When the file was last written, in local time, or None when it is not there."""
    try:
        return datetime.fromtimestamp(os.stat(path).st_mtime).replace(second=0, microsecond=0)
    except (OSError, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Buckets:
    """Counts per step of time.

    Attributes:
        unit: ``minute``, ``hour``, ``day``, ``week`` or ``month``.
        starts: start of each step, without gaps.
        counts: rows of each step by kind.
    """

    unit: str
    starts: tuple[datetime, ...]
    counts: tuple[Mapping[str, int], ...]


_UNITS = ("minute", "hour", "day", "week", "month", "year")


def bucket(counts: Mapping[tuple[datetime, str], int], finest: str = "minute") -> Buckets | None:
    """Counts by (time, kind) in at most :data:`BUCKETS` steps; None when one step holds all.

    Args:
        counts: rows by minute and kind.
        finest: the finest unit that the times allow, ``day`` for dates alone.
    """
    if not counts:
        return None
    first, last = min(at for at, _ in counts), max(at for at, _ in counts)
    unit = next(
        (u for u in _UNITS[_UNITS.index(finest) :] if _steps(first, last, u) <= BUCKETS), "year"
    )
    starts = [_floor(first, unit)]
    while (after := _next(starts[-1], unit)) <= last:
        starts.append(after)
    if len(starts) < 2:
        return None
    merged: dict[datetime, Counter[str]] = {start: Counter() for start in starts}
    for (at, kind), count in counts.items():
        merged[_floor(at, unit)][kind] += count
    return Buckets(unit, tuple(starts), tuple(merged.values()))


def _floor(at: datetime, unit: str) -> datetime:
    if unit == "minute":
        return at.replace(second=0, microsecond=0)
    if unit == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _next(start: datetime, unit: str) -> datetime:
    if unit in ("month", "year"):
        return _floor(start + timedelta(days=32 if unit == "month" else 367), unit)
    return start + timedelta(**{f"{unit}s": 1})


def _steps(first: datetime, last: datetime, unit: str) -> float:
    seconds = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
    span = (last - _floor(first, unit)).total_seconds()
    return span / seconds.get(unit, 30 * 86400 if unit == "month" else 365 * 86400) + 1

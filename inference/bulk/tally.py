"""What a bulk job did so far, in numbers."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringtrue.inference.score import ScoreRow


@dataclass
class Tally:
    """Counts of a job.

    Attributes:
        total: recordings of the job, or None while that is unknown.
        done: recordings that have rows, failed and skipped ones included.
        failed: recordings that could not be scored.
        skipped: recordings that an earlier job had scored.
        verdicts: scored channels by verdict.
        errors: failed recordings by kind of error.
        seconds: s of the recordings that were scored, now or earlier.
        heard: s of recordings heard in this job.
        started: time.monotonic() of the start.
    """

    total: int | None = None
    done: int = 0
    failed: int = 0
    skipped: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    heard: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def add(self, rows: Iterable[ScoreRow], skipped: bool = False) -> None:
        """Count a recording by its rows."""
        rows = list(rows)
        self.done += 1
        self.skipped += skipped
        errors = [row.error for row in rows if row.error]
        if errors:
            self.failed += 1
            self.errors[kind_of(errors[0])] += 1
        else:
            self.verdicts.update(row.verdict for row in rows)
            self.seconds += max((row.seconds or 0.0 for row in rows), default=0.0)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def speed(self) -> float:
        """Seconds of recordings heard per second."""
        return self.heard / self.elapsed

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the share of recordings that is done; None when it cannot be made."""
        fresh = self.done - self.skipped
        if self.total is None or not fresh:
            return None
        return self.elapsed / fresh * max(self.total - self.done, 0)

    def summary(self) -> list[str]:
        """Lines that tell the end: verdicts, time, errors by kind."""
        named = [f"{self.verdicts[name]} {name}" for name in ("robot", "human", "unsure")]
        named.append(f"{self.verdicts['no-speech']} without enough speech")
        lines = [
            f"{self.done} recordings, {hours(self.seconds)}: {', '.join(named)}; "
            f"{self.failed} could not be scored",
            f"took {clock(self.elapsed)}, {self.speed:.0f} × real time"
            + (f"; {self.skipped} recordings were scored before" if self.skipped else ""),
        ]
        return lines + [f"{count:>8} × {kind}" for kind, count in self.errors.most_common()]


def kind_of(error: str) -> str:
    """The error without what differs from recording to recording: brackets and numbers.

    >>> kind_of("contains NaN or infinite samples (first at 0.100 s)")
    'contains NaN or infinite samples'
    """
    text = re.sub(r"\s*\(.*\)", "", error, flags=re.DOTALL)
    return re.sub(r"\d[\d.,]*", "N", text)[:120].strip() or error[:120]


def hours(seconds: float) -> str:
    """A length such as ``14.2 h`` or ``3.1 min``."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def clock(seconds: float) -> str:
    """A time such as ``1:02:03`` or ``2:03``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    above, minutes = divmod(minutes, 60)
    return f"{above}:{minutes:02}:{rest:02}" if above else f"{minutes}:{rest:02}"

"""How far a bulk job is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from ringtrue.inference.bulk.tally import Tally, clock, hours

LINE_SECONDS = 10.0


class View(Protocol):
    """Shows a tally as it grows."""

    def show(self, tally: Tally) -> None:
        """Something has changed."""

    def close(self) -> None:
        """The job has ended."""


class NoView:
    """Shows nothing."""

    def show(self, tally: Tally) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class LineView:
    """Plain lines, one every ``LINE_SECONDS`` at most."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now = now
        self._next = now() + LINE_SECONDS

    def show(self, tally: Tally) -> None:
        """Write a line if it is time."""
        if self._now() < self._next:
            return
        self._next = self._now() + LINE_SECONDS
        self._stream.write(progress_line(tally) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """The summary follows."""


class BarView:
    """A bar of rich that disappears at the end."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(), TextColumn("{task.description}"), console=console, transient=True
        )
        self._task = self._progress.add_task("starting", total=None)
        self._progress.start()

    def show(self, tally: Tally) -> None:
        """Move the bar."""
        self._progress.update(
            self._task,
            total=tally.total,
            completed=tally.done,
            description=progress_line(tally),
        )

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def progress_line(tally: Tally) -> str:
    """Recordings and hours done, speed, time left, robots and failures so far."""
    of = "" if tally.total is None else f"/{tally.total}"
    parts = [
        f"{tally.done}{of} recordings",
        hours(tally.heard),
        f"{tally.speed:.0f} × real time",
    ]
    left = tally.seconds_left
    if left is not None:
        parts.append(f"{clock(left)} left")
    parts.append(f"robots {tally.verdicts['robot']}")
    if tally.failed:
        parts.append(f"failed {tally.failed}")
    return ", ".join(parts)


def make_view(stream: TextIO, quiet: bool) -> View:
    """The view that fits ``stream``, which is standard error."""
    if quiet:
        return NoView()
    from rich.console import Console

    console = Console(file=stream)
    return BarView(console) if console.is_terminal else LineView(stream)

"""Shows a followed call: a moving display in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from ringtrue.inference.decision import Verdict
from ringtrue.inference.follow import Line
from ringtrue.model.contract import OperatingPoint

COLOURS = {"robot": "bold red", "human": "green", "unsure": "yellow"}
_BAR = 48


def clock(seconds: float) -> str:
    """Time into the call as m:ss.s or h:mm:ss.s."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{rest // 10:02d}.{rest % 10}"


class View(Protocol):
    """Shows the lines of a call while it runs."""

    def __enter__(self) -> View: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update(self) -> None:
        """Show the monitors' present verdicts."""


class LiveView:
    """A panel per channel with a moving bar, redrawn at most ten times a second."""

    def __init__(
        self, console: Console, title: str, lines: Sequence[Line], point: OperatingPoint
    ) -> None:
        self._title, self._lines, self._point = title, lines, point
        self._live = Live(
            get_renderable=self._render, console=console, refresh_per_second=10, transient=False
        )

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def update(self) -> None:
        """Nothing: the display asks the monitors itself."""

    def _render(self) -> RenderableType:
        return Group(*(self._panel(line) for line in self._lines))

    def _panel(self, line: Line) -> Panel:
        verdict = line.monitor.verdict
        name = line.pick.name
        heard = line.monitor.heard_speech_seconds
        status = Text.assemble(
            (f"{clock(verdict.at):>9}  ", "bold"),
            ("● speech " if verdict.speech >= 0.5 else "○ silent ", "cyan"),
            f" {heard:6.1f} s of speech   ",
            (verdict.verdict.upper(), COLOURS[verdict.verdict]),
            f" since {clock(verdict.since)}",
        )
        figures = Text(
            f"           voice_llr {verdict.voice_llr:+6.2f}   p(robot) {verdict.p_robot:5.3f}   "
        )
        if line.monitor.flagged_at is not None:
            figures.append(f"flagged at {line.monitor.flagged_at:.1f} s", "bold red")
        reasons = Text("           " + "; ".join(verdict.reasons), style="dim")
        title = Text(self._title if name == "mono" else f"{self._title} · {name}")
        return Panel(
            Group(status, score_bar(verdict.llr, self._point), figures, reasons),
            title=title,
            title_align="left",
            border_style="red" if verdict.verdict == "robot" else "dim",
        )


def score_bar(llr: float, point: OperatingPoint, width: int = _BAR) -> Text:
    """The evidence between human and robot; coloured ends begin at the thresholds."""
    reach = 1.6 * max(abs(point.flag_llr), abs(point.human_llr), 1.0)

    def place(value: float) -> int:
        return round((min(max(value, -reach), reach) + reach) / (2 * reach) * (width - 1))

    human, flag, here = place(point.human_llr), place(point.flag_llr), place(llr)
    bar = Text("    human ")
    for i in range(width):
        colour = "green" if i <= human else "red" if i >= flag else "dim"
        # Marks, not colours alone, so that the bar is readable without them.
        mark = "●" if i == here else "┼" if i in (human, flag) else "─"
        bar.append(mark, "bold" if i == here else colour)
    return bar.append(" robot")


class PlainView:
    """One line per second of the call and one per change of a verdict."""

    def __init__(self, console: Console, lines: Sequence[Line]) -> None:
        self._console, self._lines = console, lines
        self._next = [1.0] * len(lines)
        self._before = ["unsure"] * len(lines)

    def __enter__(self) -> PlainView:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update(self) -> None:
        """Print what is new."""
        for number, line in enumerate(self._lines):
            verdict = line.monitor.verdict
            name = "" if line.pick.name == "mono" else f"{line.pick.name:<5} "
            if verdict.verdict != self._before[number]:
                self._before[number] = verdict.verdict
                words = "; ".join(verdict.reasons)
                self._print(f">> {clock(verdict.since)} {name}{verdict.verdict.upper()}: {words}")
            if verdict.at >= self._next[number] - 1e-6:
                self._next[number] = int(verdict.at + 1e-6) + 1.0
                self._print(name + self._figures(line, verdict))

    def _figures(self, line: Line, verdict: Verdict) -> str:
        return (
            f"{clock(verdict.at):>9}  {'speech' if verdict.speech >= 0.5 else 'silent'}"
            f"  {line.monitor.heard_speech_seconds:6.1f} s of speech"
            f"  voice_llr {verdict.voice_llr:+6.2f}  p(robot) {verdict.p_robot:5.3f}"
            f"  {verdict.verdict}"
        )

    def _print(self, words: str) -> None:
        self._console.print(words, markup=False, highlight=False, soft_wrap=True)


def make_view(
    console: Console, title: str, lines: Sequence[Line], point: OperatingPoint
) -> LiveView | PlainView:
    """The view that suits the console."""
    if console.is_terminal:
        return LiveView(console, title, lines, point)
    return PlainView(console, lines)

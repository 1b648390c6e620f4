"""The timeline of a call in characters: braille dots in UTF-8 terminals, ASCII elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ringtrue.inference.picture import ticks
from ringtrue.inference.timeline import Timeline

Lane = list[tuple[str, str]]
"""One line of a plot: (characters, rich style) in turn."""

LEFT = 12
"""Columns of the labels on the left."""
ROWS = 9
"""Lines of the evidence."""
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = " .:-=+*%#"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_SPANS = {"robot": ("█", "R", "red"), "human": ("█", "H", "green"), "unsure": ("▁", "_", "yellow")}


def plot_timeline(timeline: Timeline, width: int, *, unicode: bool = True) -> list[Lane]:
    """Lines of verdict, waveform, speech, evidence with its thresholds, marks and time.

    Args:
        timeline: of one channel.
        width: characters in a line, at least 40.
        unicode: False for terminals without UTF-8.
    """
    inner = max(width, 40) - LEFT
    blocks = _BLOCKS if unicode else _ASCII_BLOCKS
    peak = max((abs(v) for v in (*timeline.low, *timeline.high)), default=0.0) or 1.0
    loud = [max(-a, b) / peak for a, b in zip(timeline.low, timeline.high, strict=True)]
    length = max(timeline.seconds, timeline.step)
    lanes = [_verdicts(timeline, length, inner, unicode)]
    for name, values, step, style in (
        ("audio", loud, timeline.envelope_step, "dim"),
        ("speech", timeline.speech, timeline.step, "blue"),
    ):
        heights = _columns(values, step, length, inner, max)
        cells = "".join(blocks[round(min(max(h, 0.0), 1.0) * 8)] for h in heights)
        lanes.append([(f"{name:>{LEFT - 2}}  ", "dim"), (cells, style)])
    lanes += _evidence(timeline, length, inner, unicode)
    if timeline.marks:
        lanes.append(_marks(timeline, length, inner, unicode))
    lanes.append(_axis(length, inner))
    return lanes


def _columns(
    values: Sequence[float],
    step: float,
    length: float,
    columns: int,
    merge: Callable[[Sequence[float]], float],
) -> list[float]:
    """One value per column of the time axis, merged where several fall into it."""
    if not values:
        return [0.0] * columns
    found = []
    for column in range(columns):
        start, end = column * length / columns, (column + 1) * length / columns
        a = min(int(start / step), len(values) - 1)
        b = min(max(int(end / step + 0.999), a + 1), len(values))
        found.append(merge(values[a:b]))
    return found


def _verdicts(timeline: Timeline, length: float, inner: int, unicode: bool) -> Lane:
    lane: Lane = [(f"{'verdict':>{LEFT - 2}}  ", "dim")]
    spans = [("unsure", 0.0), *((change.verdict, change.at) for change in timeline.changes)]
    for column in range(inner):
        at = (column + 0.5) * length / inner
        label = [name for name, start in spans if start <= at][-1]
        block, letter, style = _SPANS[label]
        lane.append((block if unicode else letter, style))
    return _joined(lane)


def _evidence(timeline: Timeline, length: float, inner: int, unicode: bool) -> list[Lane]:
    point = timeline.point
    values = [*timeline.voice_llr, *timeline.llr, point.flag_llr, point.human_llr, 0.0]
    low, high = min(values), max(values)
    room = 0.04 * (high - low or 1.0)
    low, high = low - room, high + room
    rows = ROWS * (4 if unicode else 1)
    wide = inner * (2 if unicode else 1)

    def row_of(value: float) -> int:
        return min(max(round((high - value) / (high - low) * (rows - 1)), 0), rows - 1)

    heights = _columns(timeline.voice_llr, timeline.step, length, wide, lambda group: group[-1])
    dots = _curve([row_of(h) for h in heights])
    if not timeline.voice_llr:
        dots = []
    per_line = rows // ROWS
    labels = {row_of(v) // per_line: (f"{v:+g}" if v else "0", "dim") for v in ticks(low, high, 4)}
    rules = {}
    for value, name, style in (
        (point.clear_llr, "clear", "yellow"),
        (point.human_llr, "human", "green"),
        (point.flag_llr, "robot", "red"),
    ):
        rules[row_of(value) // per_line] = style
        labels[row_of(value) // per_line] = (f"{name} {value:+.1f}", style)
    flag = None
    if timeline.flagged_at is not None:
        flag = min(int(timeline.flagged_at / length * inner), inner - 1)
    cells: dict[tuple[int, int], int] = {}
    for x, y in dots:
        spot = (y // 4, x // 2) if unicode else (y, x)
        cells[spot] = cells.get(spot, 0) | (_DOTS[y % 4][x % 2] if unicode else 1)
    lanes = []
    for line in range(ROWS):
        words, style = labels.get(line, ("", ""))
        lane: Lane = [(f"{words:>{LEFT - 1}} ", style)]
        for column in range(inner):
            if bits := cells.get((line, column)):
                lane.append((chr(0x2800 + bits) if unicode else "*", "bold cyan"))
            elif column == flag:
                lane.append(("│" if unicode else "|", "red"))
            elif line in rules:
                lane.append(("╌" if unicode else "-", rules[line]))
            else:
                lane.append((" ", ""))
        lanes.append(_joined(lane))
    return lanes


def _curve(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Dots of a curve without gaps between neighbouring columns."""
    dots = []
    for x, y in enumerate(rows):
        before = rows[x - 1] if x else y
        start = before + (1 if before < y else -1 if before > y else 0)
        dots += [(x, between) for between in range(min(start, y), max(start, y) + 1)]
    return dots


def _marks(timeline: Timeline, length: float, inner: int, unicode: bool) -> Lane:
    cells = [(" ", "")] * inner
    for number, mark in enumerate(timeline.marks, 1):
        column = min(int(mark.at / length * inner), inner - 1)
        style = "red" if mark.llr > 0 else "green" if mark.llr < 0 else "yellow"
        words = f"{'▲' if unicode else '^'}{number}"
        # A mark beside another one keeps its arrow and loses its number.
        for offset, letter in enumerate(words):
            if column + offset < inner and (offset == 0 or cells[column + offset][0] == " "):
                cells[column + offset] = (letter, style)
    return _joined([(f"{'marks':>{LEFT - 2}}  ", "dim"), *cells])


def _axis(length: float, inner: int) -> Lane:
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400)
    step = next((s for s in steps if length / s <= inner / 10), 864000)
    line = [" "] * (inner + LEFT)
    for number in range(int(length / step) + 1):
        at = number * step
        hours, rest = divmod(at, 3600)
        shown = (
            f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
            if hours
            else f"{rest // 60}:{rest % 60:02d}"
        )
        column = LEFT + min(int(at / length * inner), inner - 1)
        if column + len(shown) <= len(line):
            line[column : column + len(shown)] = shown
    return [("".join(line).rstrip(), "dim")]


def _joined(lane: Lane) -> Lane:
    """Neighbours of one style as one piece."""
    joined: Lane = []
    for words, style in lane:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + words, style)
        else:
            joined.append((words, style))
    return joined

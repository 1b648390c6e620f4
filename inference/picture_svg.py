"""The picture of a call as SVG."""

from __future__ import annotations

from collections.abc import Callable

from ringtrue.inference.evidence.voice import odds
from ringtrue.inference.picture import (
    BLUE,
    GREEN,
    GREY,
    INK,
    RED,
    CallPicture,
    Curves,
    headline,
    llr_range,
    ticks,
)
from ringtrue.inference.svg import Point, document, line, polygon, polyline, rect, text

WIDTH = 1000.0
LEFT, RIGHT = 78.0, 850.0
TOP = 104.0
WAVE, GAP, EVIDENCE = 110.0, 14.0, 230.0
PANEL = WAVE + GAP + EVIDENCE + 84.0
_COLUMNS = int(RIGHT - LEFT)
_TINTS = {"robot": "#fde2e1", "human": "#e0f2e1"}


def draw_svg(picture: CallPicture) -> str:
    """The text of an SVG file, 1000 pixels wide."""
    height = TOP + PANEL * len(picture.calls) + 6
    low, high = llr_range(picture)
    parts = [
        text(LEFT, 34, picture.title, font_size=20, font_weight=600, fill=INK),
        text(LEFT, 54, picture.subtitle, fill=GREY),
        *_legend(),
    ]
    for number, (name, history) in enumerate(picture.calls):
        parts += _panel(picture, name, history, TOP + number * PANEL, low, high)
    return document(WIDTH, height, picture.title, parts)


def _legend() -> list[str]:
    y, x = 76.0, LEFT
    parts: list[str] = []
    marks: tuple[tuple[int, str, Callable[[float], str]], ...] = (
        (100, "far-end audio", lambda x: rect(x, y - 9, 16, 10, fill="#9fb3c8")),
        (70, "speech", lambda x: rect(x, y - 6, 16, 5, fill=BLUE)),
        (120, "evidence so far", lambda x: _stroke(x, y - 4, BLUE)),
        (112, "says “robot”", lambda x: rect(x, y - 9, 16, 10, fill=_TINTS["robot"])),
        (112, "says “human”", lambda x: rect(x, y - 9, 16, 10, fill=_TINTS["human"])),
        (100, "first flag", lambda x: _stroke(x, y - 4, RED)),
    )
    for width, label, mark in marks:
        parts += [mark(x), text(x + 22, y, label, fill=INK)]
        x += width + 24
    return parts


def _stroke(x: float, y: float, colour: str) -> str:
    return line(x, y, x + 16, y, stroke=colour, stroke_width=2.5)


def _panel(
    picture: CallPicture, name: str, history: Curves, top: float, low: float, high: float
) -> list[str]:
    length = max(history.seconds, 1e-3)
    bottom_wave = top + 20 + WAVE
    top_llr, bottom = bottom_wave + GAP, bottom_wave + GAP + EVIDENCE

    def x_of(seconds: float) -> float:
        return LEFT + (RIGHT - LEFT) * min(max(seconds / length, 0.0), 1.0)

    def y_of(llr: float) -> float:
        return bottom - EVIDENCE * (llr - low) / (high - low)

    channel = "" if name == "mono" else f"{name} · "
    parts = [text(LEFT, top + 10, channel + headline(history), font_weight=600, fill=INK)]
    for label, tint in _TINTS.items():
        for start, end in history.spans(label):  # type: ignore[arg-type]
            wide = x_of(end) - x_of(start)
            parts.append(rect(x_of(start), top + 20, wide, bottom - top - 20, fill=tint))
    parts += _waveform(history, (top + 20 + bottom_wave) / 2 - 4, WAVE / 2 - 8)
    parts += _speech(history, x_of, bottom_wave - 3)
    parts += _axes(length, x_of, y_of, bottom, low, high)
    parts += _thresholds(picture, y_of)
    parts.append(_curve(history, x_of, y_of))
    for y, tall in ((top + 20, WAVE), (top_llr, EVIDENCE)):
        parts.append(rect(LEFT, y, RIGHT - LEFT, tall, fill="none", stroke="#cbd2d9"))
    parts += _marks(history, x_of, top_llr, bottom)
    parts += _flag(history, x_of, top + 20, top_llr, bottom)
    parts.append(
        text(
            18,
            (top_llr + bottom) / 2,
            "evidence (ln robot : human)",
            fill=INK,
            text_anchor="middle",
            transform=f"rotate(-90 18 {(top_llr + bottom) / 2:.1f})",
        )
    )
    return parts


def _waveform(history: Curves, middle: float, half: float) -> list[str]:
    peak = max((abs(v) for v in (*history.low, *history.high)), default=0.0) or 1.0
    count = len(history.low)
    if not count:
        return []
    # History holds the last point's full step; the call may end within it.
    full = history.envelope_step * count
    stretch = (RIGHT - LEFT) * full / max(history.seconds, 1e-3)
    columns = min(_COLUMNS, count)
    upper: list[Point] = []
    lower: list[Point] = []
    for column in range(columns):
        a, b = column * count // columns, (column + 1) * count // columns
        x = min(LEFT + stretch * (a + b) / 2 / count, RIGHT)
        upper.append((x, middle - half * max(history.high[a:b]) / peak))
        lower.append((x, middle - half * min(history.low[a:b]) / peak))
    outline = [*upper, *reversed(lower)]
    return [polygon(outline, fill="#9fb3c8", stroke="#9fb3c8", stroke_width=0.6)]


def _speech(history: Curves, x_of: Callable[[float], float], y: float) -> list[str]:
    parts: list[str] = []
    start: int | None = None
    for i, value in enumerate([*history.speech, 0.0]):
        if value >= 0.5 and start is None:
            start = i
        elif value < 0.5 and start is not None:
            x = x_of(start * history.step)
            parts.append(rect(x, y - 4, x_of(i * history.step) - x, 5, fill=BLUE))
            start = None
    return parts


def _axes(
    length: float,
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
    bottom: float,
    low: float,
    high: float,
) -> list[str]:
    parts: list[str] = []
    for value in ticks(0.0, length, 12):
        x = x_of(value)
        parts.append(line(x, bottom, x, bottom + 5, stroke=GREY))
        parts.append(text(x, bottom + 19, f"{value:g}", text_anchor="middle", fill=INK))
    middle = (LEFT + RIGHT) / 2
    parts.append(text(middle, bottom + 38, "time (s)", text_anchor="middle", fill=INK))
    for value in ticks(low, high, 7):
        y = y_of(value)
        parts.append(line(LEFT, y, RIGHT, y, stroke="#e4e7eb" if value else "#9aa5b1"))
        shown = f"{value:+g}".replace("-", "−") if value else "0"
        parts.append(text(LEFT - 8, y + 4, shown, text_anchor="end", fill=INK))
    return parts


def _thresholds(picture: CallPicture, y_of: Callable[[float], float]) -> list[str]:
    point = picture.point
    rows = [
        (point.flag_llr, RED, f"robot from {odds(point.flag_llr)}"),
        (point.clear_llr, GREY, "robot withdrawn"),
        (point.human_llr, GREEN, f"human from {odds(point.human_llr)}"),
    ]
    parts: list[str] = []
    last = -100.0
    for value, colour, label in rows:
        y = y_of(value)
        parts.append(
            line(LEFT, y, RIGHT, y, stroke=colour, stroke_width=1.3, stroke_dasharray="6 4")
        )
        # Labels of close thresholds are pushed down, off one another.
        last = max(y + 4, last + 14)
        parts.append(text(RIGHT + 8, last, label, fill=colour))
    return parts


def _curve(history: Curves, x_of: Callable[[float], float], y_of: Callable[[float], float]) -> str:
    points = [(x_of(0.0), y_of(0.0))]
    stride = max(1, len(history.llr) // (2 * _COLUMNS))
    for i in range(stride - 1, len(history.llr), stride):
        points.append((x_of((i + 1) * history.step), y_of(history.llr[i])))
    return polyline(points, stroke=BLUE, stroke_width=2.2, stroke_linejoin="round")


def _marks(history: Curves, x_of: Callable[[float], float], top: float, bottom: float) -> list[str]:
    parts: list[str] = []
    free = LEFT
    for mark in history.marks:
        x = x_of(mark.at)
        colour = RED if mark.llr > 0 else GREEN if mark.llr < 0 else GREY
        parts.append(line(x, top, x, bottom, stroke=colour, stroke_dasharray="2 3"))
        parts.append(polygon([(x, bottom - 8), (x - 5, bottom), (x + 5, bottom)], fill=colour))
        if free <= x < RIGHT - 50:
            parts.append(text(x + 7, bottom - 3, mark.stream, fill=colour, font_size=11))
            free = x + 60
    return parts


def _flag(
    history: Curves, x_of: Callable[[float], float], top: float, label: float, bottom: float
) -> list[str]:
    at = history.flagged_at
    if at is None:
        return []
    x = x_of(at)
    right = x < RIGHT - 130
    return [
        line(x, top, x, bottom, stroke=RED, stroke_width=2),
        text(
            x + 6 if right else x - 6,
            label + 17,
            f"flagged at {at:.1f} s",
            fill=RED,
            font_weight=600,
            stroke="white",
            stroke_width=3,
            paint_order="stroke",
            text_anchor="start" if right else "end",
        ),
    ]

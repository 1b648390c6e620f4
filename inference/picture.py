"""Picture of a call: waveform, speech, evidence over time, thresholds and the flag.

SVG needs nothing besides this package; PNG is drawn by matplotlib (extra ``plot``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ringtrue.inference.decision import Label
from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.marks import EvidenceMark
from ringtrue.model.contract import OperatingPoint

SUFFIXES = (".svg", ".png")

RED, GREEN, BLUE, GREY, INK = "#c62828", "#2e7d32", "#1565c0", "#78838f", "#1f2933"


class Curves(Protocol):
    """What is drawn of a channel: a ``CallHistory`` or a ``Timeline``.

    Attributes:
        seconds: length of the call in s.
        step, envelope_step: s between two points of the curves and of the envelope.
        llr, speech: curves; low, high: envelope of the samples.
        marks: evidence other than the voice.
        flagged_at: s of the first flag, or None.
        ending: last verdict and its p_robot, or None when nothing was heard.
    """

    @property
    def seconds(self) -> float: ...
    @property
    def step(self) -> float: ...
    @property
    def envelope_step(self) -> float: ...
    @property
    def llr(self) -> Sequence[float]: ...
    @property
    def speech(self) -> Sequence[float]: ...
    @property
    def low(self) -> Sequence[float]: ...
    @property
    def high(self) -> Sequence[float]: ...
    @property
    def marks(self) -> Sequence[EvidenceMark]: ...
    @property
    def flagged_at(self) -> float | None: ...
    @property
    def ending(self) -> tuple[Label, float] | None: ...

    def spans(self, label: Label) -> list[tuple[float, float]]:
        """(from, to) in s of the times at which the verdict was ``label``."""


@dataclass(frozen=True)
class CallPicture:
    """What is drawn.

    Attributes:
        title: e.g. the file's name.
        calls: (name of the channel, its curves), one panel pair each.
        point: thresholds to draw.
        subtitle: second line, e.g. model and operating point.
    """

    title: str
    calls: Sequence[tuple[str, Curves]]
    point: OperatingPoint
    subtitle: str = ""


def check_picture_path(path: Path) -> Path:
    """``path`` if a picture can be written there, asked before the call begins.

    Raises:
        ValueError: another ending than .svg or .png, or no such folder.
        MissingExtraError: .png without matplotlib.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"expected a picture ending in .svg or .png, got {path}")
    if not path.parent.is_dir():
        raise ValueError(f"expected an existing folder for the picture, got {path.parent}")
    if path.suffix.lower() == ".png":
        from importlib.util import find_spec

        if find_spec("matplotlib") is None:
            raise MissingExtraError("a picture as PNG", "plot")
    return path


def write_picture(picture: CallPicture, path: str | Path) -> Path:
    """Write the picture as .svg or .png and return its path.

    Raises:
        ValueError, MissingExtraError: as :func:`check_picture_path`.
        OSError: the file cannot be written.
    """
    path = check_picture_path(Path(path))
    if path.suffix.lower() == ".png":
        from ringtrue.inference.picture_png import draw_png

        draw_png(picture, path)
    else:
        from ringtrue.inference.picture_svg import draw_svg

        path.write_text(draw_svg(picture), encoding="utf-8")
    return path


def llr_range(picture: CallPicture) -> tuple[float, float]:
    """Lower and upper end of the evidence axis: all curves and thresholds with some room."""
    values = [picture.point.human_llr, picture.point.flag_llr, 0.0]
    for _, history in picture.calls:
        values += [min(history.llr, default=0.0), max(history.llr, default=0.0)]
    low, high = min(values), max(values)
    room = 0.08 * (high - low or 1.0)
    return low - room, high + room


def ticks(low: float, high: float, at_most: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) within ``low``…``high``."""
    from math import ceil, floor, log10

    if high <= low:
        return [low]
    raw = (high - low) / at_most
    power = 10.0 ** floor(log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def headline(history: Curves) -> str:
    """One line about a channel."""
    if history.ending is None:
        return "nothing heard"
    label, p_robot = history.ending
    flagged = history.flagged_at
    if flagged is None:
        return f"not flagged · at the end: {label} · p(robot) {p_robot:.2f}"
    return f"flagged as robot at {flagged:.1f} s · at the end: {label}"

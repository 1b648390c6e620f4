"""The timeline of one scored channel: small enough to keep for every call, enough to draw it.

Resolution: a point of the curves stands for 0.1 s in calls up to a minute; longer calls are
thinned by halves until they have at most 600 points or 0.8 s per point, whichever comes first.
A :class:`~ringtrue.inference.history.CallHistory` holds 3,000 points, so that beyond 40 minutes
its own step of 1.6 s, 3.2 s … is kept. A timeline takes 5 to 60 kB on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringtrue.inference.decision import Label
from ringtrue.inference.history import ENVELOPE_POINTS, CallHistory
from ringtrue.inference.marks import EvidenceMark
from ringtrue.inference.score import ScoreRow
from ringtrue.model.contract import OperatingPoint

POINTS = 600
"""Points that a curve is thinned to, as long as the step allows it."""
LONGEST_STEP = 0.8
"""Thinning stops at this many s per point."""
ENVELOPE = 1200
"""Points that the waveform's envelope is thinned to, but never below one per point."""


@dataclass(frozen=True)
class VerdictChange:
    """A change of the verdict.

    Attributes:
        at: s of the call.
        verdict: the new verdict.
        reasons: what was said at that moment, the strongest first.
    """

    at: float
    verdict: Label
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """What happened when in one channel of a call.

    Attributes:
        path, channel: as in the :class:`ScoreRow`.
        seconds: length of the call in s.
        step: s between two points of the curves; point i is the state at (i + 1) · step, the
            last one at ``seconds`` where that is earlier.
        llr: sum of the evidence, natural log robot : human, which the thresholds of ``point``
            apply to.
        voice_llr: the part of the voice.
        speech: 0…1, the highest speech probability within each point.
        low, high: envelope of the samples, −1…1; the same whole number of values per point.
        changes: changes of the verdict, in order; before the first it is ``unsure``.
        marks: when evidence other than the voice had something new to say.
        flagged_at: s at which the call was first flagged, or None.
        point: the operating point with its thresholds.
        model_version: version of the model.
        verdict, reasons: as in the :class:`ScoreRow`.
    """

    path: str
    channel: str
    seconds: float
    step: float
    llr: tuple[float, ...]
    voice_llr: tuple[float, ...]
    speech: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    changes: tuple[VerdictChange, ...]
    marks: tuple[EvidenceMark, ...]
    flagged_at: float | None
    point: OperatingPoint
    model_version: str
    verdict: str = ""
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        points = len(self.llr)
        if not len(self.voice_llr) == len(self.speech) == points:
            raise ValueError(
                f"expected curves of equal length, got llr {points}, "
                f"voice_llr {len(self.voice_llr)}, speech {len(self.speech)}"
            )
        if len(self.low) != len(self.high) or (len(self.low) % points if points else self.low):
            raise ValueError(
                f"expected an envelope of as many values per point for {points} points, "
                f"got low {len(self.low)}, high {len(self.high)}"
            )
        if not self.step > 0 or not self.seconds >= 0:
            raise ValueError(
                f"expected a step above 0 s and seconds from 0, got {self.step}, {self.seconds}"
            )

    @property
    def envelope_step(self) -> float:
        """Seconds between two points of the envelope."""
        return self.step * len(self.llr) / len(self.low) if self.low else self.step

    def spans(self, label: Label) -> list[tuple[float, float]]:
        """(from, to) in s of the times at which the verdict was ``label``."""
        marks = [(0.0, "unsure"), *((change.at, change.verdict) for change in self.changes)]
        ends = [at for at, _ in marks[1:]] + [self.seconds]
        return [(at, end) for (at, name), end in zip(marks, ends, strict=True) if name == label]


def make_timeline(
    history: CallHistory, row: ScoreRow, point: OperatingPoint, model_version: str
) -> Timeline:
    """The timeline of a finished call, thinned and rounded to what can be seen.

    Args:
        history: the curves that its monitor filled.
        row: its result.
        point: the operating point that it was scored at.
        model_version: of the model's metadata.

    Raises:
        ValueError: the row is that of an error.
    """
    if row.error:
        raise ValueError(f"expected the row of a scored call, got the error of {row.path}")
    count = len(history.llr)
    factor = 1
    while count > POINTS * factor and history.step * factor * 2 <= LONGEST_STEP + 1e-9:
        factor *= 2
    points = -(-count // factor)
    per_point = next((k for k in (10, 5, 2) if k * points <= ENVELOPE), 1)
    width = ENVELOPE_POINTS * factor // per_point
    size = per_point * points
    return Timeline(
        path=row.path,
        channel=row.channel,
        seconds=round(history.seconds, 3),
        step=round(history.step * factor, 6),
        llr=_last(history.llr, factor),
        voice_llr=_last(history.voice_llr, factor),
        speech=tuple(round(max(g), 2) for g in _groups(history.speech, factor)),
        low=_padded([round(min(g), 3) for g in _groups(history.low, width)], size),
        high=_padded([round(max(g), 3) for g in _groups(history.high, width)], size),
        changes=tuple(
            VerdictChange(round(at, 3), label, reasons)
            for (at, label), reasons in zip(history.changes, history.change_reasons, strict=True)
        ),
        marks=tuple(
            EvidenceMark(round(m.at, 3), m.stream, m.text, round(m.llr, 3)) for m in history.marks
        ),
        flagged_at=None if history.flagged_at is None else round(history.flagged_at, 3),
        point=point,
        model_version=model_version,
        verdict=row.verdict,
        reasons=row.reasons,
    )


def _groups(values: Sequence[float], size: int) -> list[Sequence[float]]:
    return [values[i : i + size] for i in range(0, len(values), size)]


def _last(values: Sequence[float], factor: int) -> tuple[float, ...]:
    return tuple(round(group[-1], 2) for group in _groups(values, factor))


def _padded(values: list[float], size: int) -> tuple[float, ...]:
    """The call may end within its last point; silence fills it."""
    return (*values, *[0.0] * (size - len(values)))

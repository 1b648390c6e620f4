"""What a call looked like so far, at a bounded number of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ringtrue.inference.decision import Label, Verdict
from ringtrue.inference.evidence.base import Evidence
from ringtrue.inference.marks import EvidenceMark, MarkKeeper

Samples = npt.NDArray[np.float32]

ENVELOPE_POINTS = 10
"""Points of the waveform's envelope per chunk."""


@dataclass
class CallHistory:
    """Curves of one call; when full, neighbouring points are merged and the step doubles.

    Attributes:
        max_points: bound of the number of points.
        llr, voice_llr, speech: one value per point, the last of the chunks it stands for (the
            maximum for ``speech``).
        low, high: envelope of the samples, ``ENVELOPE_POINTS`` per point.
        changes: (s of the call, new verdict) of every change of the verdict.
        change_reasons: what was said at each of ``changes``.
        chunks_per_point: chunks that one point stands for.
        seconds: length of the call so far.
        last: the newest verdict.
        first_flag: the verdict of the chunk at which the call was first flagged, if it was.
    """

    max_points: int = 3000
    llr: list[float] = field(default_factory=list)
    voice_llr: list[float] = field(default_factory=list)
    speech: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    changes: list[tuple[float, Label]] = field(default_factory=list)
    change_reasons: list[tuple[str, ...]] = field(default_factory=list)
    chunks_per_point: int = 1
    seconds: float = 0.0
    chunk_seconds: float = 0.1
    last: Verdict | None = None
    first_flag: Verdict | None = None
    _chunks: int = 0
    _marks: MarkKeeper = field(default_factory=MarkKeeper)

    def __post_init__(self) -> None:
        if self.max_points < 2 or self.max_points % 2:
            raise ValueError(f"expected an even max_points from 2, got {self.max_points}")

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return self.chunk_seconds * self.chunks_per_point

    @property
    def envelope_step(self) -> float:
        """Seconds between two points of the envelope."""
        return self.step / ENVELOPE_POINTS

    @property
    def marks(self) -> list[EvidenceMark]:
        """When streams other than the voice had something new to say."""
        return self._marks.marks

    def add(
        self,
        verdict: Verdict,
        chunk: Samples,
        chunk_seconds: float,
        evidence: Sequence[Evidence] = (),
    ) -> None:
        """Note a chunk [samples], the verdict after it and the evidence that it rests on."""
        self.chunk_seconds = chunk_seconds
        before = self.last.verdict if self.last else "unsure"
        if verdict.verdict != before:
            self.changes.append((verdict.at, verdict.verdict))
            self.change_reasons.append(verdict.reasons)
            if verdict.verdict == "robot" and self.first_flag is None:
                self.first_flag = verdict
        self._marks.add(verdict.at, evidence)
        self.last, self.seconds = verdict, verdict.at
        parts = np.array_split(chunk, ENVELOPE_POINTS)
        low = [float(p.min()) for p in parts]
        high = [float(p.max()) for p in parts]
        if self._chunks % self.chunks_per_point == 0:
            if len(self.llr) == self.max_points:
                self._halve()
            self.llr.append(verdict.llr)
            self.voice_llr.append(verdict.voice_llr)
            self.speech.append(verdict.speech)
            self.low += low
            self.high += high
        else:
            self.llr[-1] = verdict.llr
            self.voice_llr[-1] = verdict.voice_llr
            self.speech[-1] = max(self.speech[-1], verdict.speech)
            n = ENVELOPE_POINTS
            self.low[-n:] = map(min, self.low[-n:], low)
            self.high[-n:] = map(max, self.high[-n:], high)
        self._chunks += 1

    def _halve(self) -> None:
        self.llr = self.llr[1::2]
        self.voice_llr = self.voice_llr[1::2]
        self.speech = [max(p) for p in zip(self.speech[::2], self.speech[1::2], strict=True)]
        self.low = [min(p) for p in zip(self.low[::2], self.low[1::2], strict=True)]
        self.high = [max(p) for p in zip(self.high[::2], self.high[1::2], strict=True)]
        self.chunks_per_point *= 2

    @property
    def flagged_at(self) -> float | None:
        """Second of the call at which it was first flagged, or None."""
        return None if self.first_flag is None else self.first_flag.at

    def spans(self, label: Label) -> list[tuple[float, float]]:
        """(from, to) in s of the times at which the verdict was ``label``."""
        marks: list[tuple[float, Label]] = [(0.0, "unsure"), *self.changes]
        ends = [at for at, _ in marks[1:]] + [self.seconds]
        return [(at, end) for (at, name), end in zip(marks, ends, strict=True) if name == label]

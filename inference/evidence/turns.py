"""Who speaks when, from speech probabilities of both ends, and what the turn-taking looks like."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ON, OFF = 0.5, 0.35
"""Speech probabilities at which a stretch begins and below which it may end."""
JOIN_SECONDS = 0.45
"""Shorter pauses belong to a stretch of speech."""
SHORTEST = 0.15
"""Shorter stretches are clicks."""
REMEMBERED = 24
"""Stretches per side that are kept."""
RESPONSES = 6
"""Newest responses that count: the manner may change when a bot hands over."""
LONGEST_GAP = 5.0
TALK_OVER = 3.0
"""A party that talks on for longer after being interrupted counts as talking on so long."""


@dataclass(frozen=True)
class Stretch:
    """Speech of one side without long pauses, in s of the call."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length."""
        return self.end - self.start


class Stretches:
    """Stretches of speech of one side, found chunk by chunk.

    Attributes:
        found: the newest finished stretches, by time.
    """

    def __init__(self) -> None:
        self.found: deque[Stretch] = deque(maxlen=REMEMBERED)
        self._start: float | None = None
        self._last = 0.0
        self._speaking = False

    @property
    def open_since(self) -> float | None:
        """Beginning of the stretch that has not ended yet, or None."""
        return self._start

    def push(self, speech: float, at: float, seconds: float) -> bool:
        """Hear a chunk that ended ``at`` s and lasted ``seconds``; True when a stretch is over."""
        self._speaking = speech >= (OFF if self._speaking else ON)
        if self._speaking:
            if self._start is None:
                self._start = at - seconds
            self._last = at
            return False
        if self._start is None or at - self._last < JOIN_SECONDS - 1e-6:
            return False
        stretch = Stretch(self._start, self._last)
        self._start = None
        if stretch.seconds < SHORTEST:
            return False
        self.found.append(stretch)
        return True


@dataclass(frozen=True)
class TurnTaking:
    """How the far end took turns of late.

    Attributes:
        gaps: s from the end of our speech to the far end's response, oldest first; negative where
            it began before our end.
        median_gap, spread: median and interquartile range of ``gaps``.
        overlap: share of the far end's speech during which the near end spoke as well.
        talk_on: mean s that the far end talked on after the near end had begun to speak.
        longest_talk_on: the longest of these.
        interruptions: how many there were.
        turn_seconds, turn_spread: median and interquartile range of the far end's turns.
        backchannels: far-end stretches inside near-end ones, per minute of near-end speech.
        first_gap: the first response of the call; NaN when it is unknown.
    """

    gaps: tuple[float, ...]
    median_gap: float
    spread: float
    overlap: float
    talk_on: float
    longest_talk_on: float
    interruptions: int
    turn_seconds: float
    turn_spread: float
    backchannels: float
    first_gap: float = float("nan")


FEATURES = (
    "median_gap",
    "spread",
    "lowest_gap",
    "quick_share",
    "overlap",
    "talk_on",
    "longest_talk_on",
    "backchannels",
)
"""Names and order of :func:`feature_vector`. The lengths of turns are left out: simulated people
and bots have the same, so nothing can be learnt of them."""
NO_INTERRUPTION = 0.5
"""``talk_on`` where nobody was interrupted."""


def turn_taking(far: Sequence[Stretch], near: Sequence[Stretch]) -> TurnTaking:
    """The turn-taking of finished stretches of both sides, each by time."""
    gaps, inside, answers = _responses(far, near)
    gaps, answers = gaps[-RESPONSES:], answers[-RESPONSES:]
    # What happened before the oldest response that counts is left out everywhere.
    since = answers[0].start - 1.0 if answers else 0.0
    far = [s for s in far if s.end > since]
    near = [s for s in near if s.end > since]
    talk_on = _talk_on(far, near)
    spoken = sum(s.seconds for s in far)
    both = sum(max(0.0, min(f.end, n.end) - max(f.start, n.start)) for f in far for n in near)
    turns = [s.seconds for s in answers]
    near_minutes = sum(s.seconds for s in near) / 60
    return TurnTaking(
        gaps=tuple(gaps),
        median_gap=float(np.median(gaps)) if gaps else 0.0,
        spread=_iqr(gaps),
        overlap=both / spoken if spoken > 0 else 0.0,
        talk_on=float(np.mean(talk_on)) if talk_on else NO_INTERRUPTION,
        longest_talk_on=max(talk_on, default=NO_INTERRUPTION),
        interruptions=len(talk_on),
        turn_seconds=float(np.median(turns)) if turns else 0.0,
        turn_spread=_iqr(turns),
        backchannels=sum(s.end > since for s in inside) / max(near_minutes, 0.1),
    )


def feature_vector(turns: TurnTaking) -> npt.NDArray[np.float32]:
    """The numbers that the timing model hears, [len(FEATURES)] float32."""
    gaps = np.array(turns.gaps or (0.0,))
    return np.array(
        [
            turns.median_gap,
            turns.spread,
            gaps.min(),
            np.mean(gaps < 0.4),
            min(turns.overlap, 1.0),
            turns.talk_on,
            turns.longest_talk_on,
            min(turns.backchannels, 30.0),
        ],
        np.float32,
    )


def _responses(
    far: Sequence[Stretch], near: Sequence[Stretch]
) -> tuple[list[float], list[Stretch], list[Stretch]]:
    """Gaps, far stretches inside near ones, and the far stretches that the gaps belong to."""
    gaps: list[float] = []
    inside: list[Stretch] = []
    answers: list[Stretch] = []
    before = -1.0
    for turn in far:
        heard = [n for n in near if n.start < turn.start - 0.05]
        if heard:
            last = heard[-1]
            if last.end > turn.end:
                inside.append(turn)
            # Otherwise the far end goes on after a pause of its own, which is no response.
            elif last.end > before and turn.start - last.end <= LONGEST_GAP:
                gaps.append(turn.start - last.end)
                answers.append(turn)
        before = max(before, turn.end)
    return gaps, inside, answers


def _talk_on(far: Sequence[Stretch], near: Sequence[Stretch]) -> list[float]:
    found = []
    for turn in far:
        for other in near:
            # Not the near end's back-channels, and not what began together with the turn.
            if turn.start + 0.5 <= other.start < turn.end and other.seconds >= 0.8:
                found.append(min(turn.end - other.start, TALK_OVER))
                break
    return found


def _iqr(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low)

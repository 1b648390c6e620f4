"""Two parties taking turns: who says what, when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringtrue.training.callsim.parties import Line, Party, cut_line

INTERRUPTIONS = 0.08
"""Share of turns of more than :data:`LONG_TURN` s that a person breaks into."""
LONG_TURN = 1.6


@dataclass(frozen=True)
class Spoken:
    """One stretch of speech.

    Attributes:
        party: ``far`` or ``near``.
        role: ``person``, ``bot``, ``ivr`` or ``greeting``.
        kind: ``turn``, ``backchannel`` or ``interruption``.
        start: s of the call at which the speech begins.
        line: what is said; cut off where the party was interrupted.
        broken_off: whether it was.
    """

    party: str
    role: str
    kind: str
    start: float
    line: Line
    broken_off: bool = False

    @property
    def end(self) -> float:
        """s of the call at which the speech ends."""
        return self.start + self.line.seconds


class Conversation:
    """Turns of two parties from one time to another.

    Args:
        rng: source of all draws.
        far, near: the parties.
        delay: s of the line there and back; the far end's reactions arrive so much later.
    """

    def __init__(self, rng: np.random.Generator, far: Party, near: Party, delay: float) -> None:
        self._rng = rng
        self._parties = {"far": far, "near": near}
        self._delay = delay
        self.spoken: list[Spoken] = []

    def run(self, begin: float, end: float, opens: str) -> list[Spoken]:
        """Everything said from ``begin`` on; nothing begins at or after ``end``, in s.

        Args:
            begin, end: s of the call.
            opens: ``near`` answers the telephone with a short word, ``far`` begins with a turn.
        """
        rng = self._rng
        at = begin + float(rng.uniform(0.3, 1.2))
        line = self._parties["near"].short(rng) if opens == "near" else None
        name = opens
        if line is None:
            line = self._parties[opens].turn(rng)
        while line is not None and at < end:
            turn = Spoken(name, self._parties[name].role, "turn", at, line)
            last = self._hear(turn, end)
            other = "near" if last.party == "far" else "far"
            holds = last is turn and rng.random() < self._parties[last.party].manner.holds
            name = last.party if holds else other
            free = max(last.end, self.spoken[-1].end if last is not turn else last.end)
            if holds:
                at = free + float(rng.uniform(0.5, 1.3))
            else:
                at = max(last.start + 0.3, free + self._offset(name))
            line = self._parties[name].turn(rng)
        self.spoken.sort(key=lambda s: s.start)
        return self.spoken

    def _offset(self, name: str) -> float:
        late = self._delay if name == "far" else 0.0
        return self._parties[name].manner.offset(self._rng) + late

    def _hear(self, turn: Spoken, end: float) -> Spoken:
        """Note a turn and what the listener does meanwhile; the stretch that is answered next."""
        rng = self._rng
        name = "near" if turn.party == "far" else "far"
        listener = self._parties[name]
        if (
            listener.manner.person
            and turn.line.seconds > LONG_TURN
            and rng.random() < INTERRUPTIONS
        ):
            at = turn.start + turn.line.seconds * float(rng.uniform(0.35, 0.8))
            line = listener.turn(rng) if at < end else None
            if line is not None:
                return self._interrupt(turn, Spoken(name, listener.role, "interruption", at, line))
        self.spoken.append(turn)
        expected = listener.manner.backchannels * turn.line.seconds
        if turn.line.seconds > LONG_TURN and rng.random() < expected:
            at = turn.start + turn.line.seconds * float(rng.uniform(0.3, 0.8))
            line = listener.short(rng) if at < end else None
            if line is not None:
                self.spoken.append(Spoken(name, listener.role, "backchannel", at, line))
        return turn

    def _interrupt(self, turn: Spoken, by: Spoken) -> Spoken:
        reaction = self._parties[turn.party].manner.reaction(self._rng)
        if reaction is not None:
            after = by.start - turn.start + reaction
            after += self._delay if turn.party == "far" else 0.0
            if after < turn.line.seconds:
                turn = Spoken(
                    turn.party, turn.role, turn.kind, turn.start, cut_line(turn.line, after), True
                )
        self.spoken += [by, turn]
        return by

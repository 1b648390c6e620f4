"""Replay evidence: the far end plays a recording that was heard before, in this call or earlier.

People never repeat a waveform. The likelihood ratio of a match is a monotone function of how long
and how alike the two places are (:mod:`ringtrue.inference.replay.likelihood`). It fades while the
far end speaks without further matches, because a bot may have handed over to a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.evidence.echo import EchoGate
from ringtrue.inference.replay.bank_listener import BankListener
from ringtrue.inference.replay.fingerprint import Fingerprinter
from ringtrue.inference.replay.frames import BLOCK, BLOCK_FRAMES, FRAME_RATE, seconds_of
from ringtrue.inference.replay.likelihood import MOST, bank_llr, repeat_llr
from ringtrue.inference.replay.memory import CallMemory
from ringtrue.inference.replay.repeats import EVERY, HISTORY, Repeat, RepeatFinder

if TYPE_CHECKING:
    from ringtrue.inference.replay.bank import PromptBank
    from ringtrue.inference.replay.bank_records import BankMatch

SPEECH_THRESHOLD: Final = 0.5
"""Chunks with at least this probability of speech may match."""
CAP: Final = MOST
"""The decision uses at most this much: replay alone may flag, but one stream is one stream."""
FADE_SECONDS: Final = 4.0
"""s of speech without a match after which the evidence is halved."""
BLOCK_SECONDS: Final = BLOCK_FRAMES / FRAME_RATE


@dataclass(frozen=True)
class ReplayMatch:
    """A match, as it is told.

    Attributes:
        start: s of the call at which the repeated stretch begins.
        stop: s at which it ends, as far as heard.
        llr: of the match when it ended.
        reason: in words.
        earlier: s of the call at which it was heard before; None for a prompt of the bank.
        prompt: name of the bank's prompt; empty for a repeat inside the call.
    """

    start: float
    stop: float
    llr: float
    reason: str
    earlier: float | None = None
    prompt: str = ""


@dataclass(frozen=True)
class _Noted:
    """A match and the blocks with speech that were heard until it ended."""

    match: ReplayMatch
    spoken: int


class ReplayStream:
    """Replay evidence of one call.

    Abstains until something matches. Chunks must be 100 ms at 8 kHz; four of them are heard
    together, which costs half of hearing them one by one, so matches come every 0.4 s.
    Where the near end is heard, its echo in the far end does not match.
    Announcements and other material that the bank lists as no evidence never count, even where
    they repeat.

    Args:
        bank: prompts of earlier calls, or None to look inside the call only. It is read at the
            start of each call; one bank may serve many streams of one thread.
    """

    name = "replay"

    def __init__(self, bank: PromptBank | None = None) -> None:
        self._bank = bank
        self.reset()

    @property
    def matches(self) -> tuple[ReplayMatch, ...]:
        """Everything that matched so far, in the order of the call."""
        return tuple(noted.match for noted in self._noted)

    def reset(self) -> None:
        """Forget the call and read the bank anew if it changed."""
        self._memory = CallMemory(HISTORY)
        self._fingerprinter = Fingerprinter()
        self._repeats = RepeatFinder(self._memory)
        self._listener: BankListener | None = None
        if self._bank is not None:
            self._bank.refresh()
            self._listener = BankListener(self._bank, self._memory)
        self._echo = EchoGate()
        self._noted: list[_Noted] = []
        self._best: _Noted | None = None
        self._ruled_out: list[tuple[float, float]] = []
        self._waiting: npt.NDArray[np.float32] = np.empty((EVERY, BLOCK), np.float32)
        self._chunks = 0

    def push(self, chunk: Chunk) -> Evidence:
        """Hear the next chunk; the evidence of the call so far."""
        echo = self._echo.may_be_echo(chunk)
        self._memory.add_speech(chunk.speech >= SPEECH_THRESHOLD and not echo)
        self._waiting[self._chunks % EVERY] = chunk.far
        self._chunks += 1
        if self._chunks % EVERY == 0:
            self._hear(self._waiting.ravel())
        return self._evidence()

    def _hear(self, far: npt.NDArray[np.float32]) -> None:
        piece = self._fingerprinter.push(far)
        self._memory.add_audio(far)
        self._memory.add_shape(piece.shape)
        repeats = self._repeats.push(piece)
        known = self._listener.push(piece) if self._listener is not None else []
        for match in known:
            self._note_known(match)
        for repeat in repeats:
            self._note_repeat(repeat)

    def _note_repeat(self, repeat: Repeat) -> None:
        llr = repeat_llr(repeat.score)
        start, stop = seconds_of(repeat.start), seconds_of(repeat.stop)
        earlier = start - repeat.distance / FRAME_RATE
        reason = (
            f"replay: the clip at {_clock(start)} is the one of {_clock(earlier)} "
            f"({stop - start:.1f} s, {repeat.similarity:.0%} alike)"
        )
        self._note(ReplayMatch(start, stop, llr, reason, earlier=earlier))

    def _note_known(self, match: BankMatch) -> None:
        prompt = match.prompt
        if not prompt.is_evidence:
            self._rule_out(match.start, match.stop)
            self._noted = [n for n in self._noted if not _overlap(n.match, match.start, match.stop)]
            self._choose()
            return
        llr = bank_llr(match.score)
        calls = "1 earlier call" if prompt.calls == 1 else f"{prompt.calls} earlier calls"
        name = f"{prompt.name[:4]}…" + (f" ({prompt.label})" if prompt.label else "")
        reason = (
            f"replay: prompt {name} at {_clock(match.start)} was heard in {calls} "
            f"since {prompt.first_seen}"
        )
        self._note(ReplayMatch(match.start, match.stop, llr, reason, prompt=prompt.name))

    def _rule_out(self, start: float, stop: float) -> None:
        # The same announcement a little later: one stretch, lest hours of it make thousands.
        if self._ruled_out and start <= self._ruled_out[-1][1]:
            last = self._ruled_out.pop()
            start, stop = min(start, last[0]), max(stop, last[1])
        self._ruled_out.append((start, stop))

    def _note(self, match: ReplayMatch) -> None:
        if any(match.start < stop and start < match.stop for start, stop in self._ruled_out):
            return
        # The same match a little later knows more: it takes the place of the first.
        for i, noted in enumerate(self._noted):
            old = noted.match
            same = old.prompt == match.prompt and (old.earlier is None) == (match.earlier is None)
            if same and _overlap(old, match.start, match.stop):
                told = match if match.stop >= old.stop else old
                start, llr = min(old.start, match.start), max(old.llr, match.llr)
                self._noted[i] = self._ended(replace(told, start=start, llr=llr))
                break
        else:
            self._noted.append(self._ended(match))
        self._choose()

    def _ended(self, match: ReplayMatch) -> _Noted:
        after = self._memory.speech_blocks(round(match.stop / BLOCK_SECONDS))
        return _Noted(match, self._memory.spoken - after)

    def _faded(self, noted: _Noted) -> float:
        spoken = (self._memory.spoken - noted.spoken) * BLOCK_SECONDS
        return float(noted.match.llr * 0.5 ** (spoken / FADE_SECONDS))

    def _choose(self) -> None:
        # All fade alike, so which is the strongest changes only with the matches.
        self._best = max(self._noted, key=self._faded, default=None)

    def _evidence(self) -> Evidence:
        if self._best is None:
            return Evidence(self.name, None, CAP)
        return Evidence(self.name, self._faded(self._best), CAP, self._best.match.reason)


def _overlap(match: ReplayMatch, start: float, stop: float) -> bool:
    return match.start < stop and start < match.stop


def _clock(seconds: float) -> str:
    """``1:07`` for 67.4 s."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    return f"{minutes}:{rest:02d}"

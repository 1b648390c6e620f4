"""Timing evidence: does the far end take turns like a person? Needs both ends of the call.

People answer after about 200 ms, now early, now late, and stop when they are interrupted; bots
answer on a clock and talk on. Soft evidence: its weight is capped, because people differ, lines
delay, and bots get faster.
"""

from __future__ import annotations

from pathlib import Path

from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.evidence.soft_model import SoftModel
from ringtrue.inference.evidence.turns import (
    FEATURES,
    Stretches,
    TurnTaking,
    feature_vector,
    turn_taking,
)
from ringtrue.inference.evidence.voice import odds


class TimingStream:
    """Turn-taking of the last responses of the far end.

    Abstains without a near end and until the model's least number of responses (3 in the released
    one) was heard.

    Args:
        model: a model file, or None for the released one.

    Raises:
        ModelError: see :class:`SoftModel`.
    """

    name = "timing"

    def __init__(self, model: SoftModel | str | Path | None = None) -> None:
        loaded = model if isinstance(model, SoftModel) else SoftModel(model, self.name, FEATURES)
        self._model = loaded
        self._now: Evidence
        self._at: float
        self.reset()

    @property
    def version(self) -> str:
        """Version of the model."""
        return self._model.info.version

    def push(self, chunk: Chunk) -> Evidence:
        """Hear the next chunk."""
        if chunk.near_speech is None:
            return self._now
        seconds = chunk.at - self._at
        self._at = chunk.at
        far = self._far.push(chunk.speech, chunk.at, seconds)
        near = self._near.push(chunk.near_speech, chunk.at, seconds)
        if far or near:
            self._now = self._judge()
        return self._now

    def reset(self) -> None:
        """Forget the call."""
        self._far, self._near = Stretches(), Stretches()
        self._at = 0.0
        self._now = Evidence(self.name, None, self._model.info.cap)

    def _judge(self) -> Evidence:
        info = self._model.info
        turns = turn_taking(tuple(self._far.found), tuple(self._near.found))
        if len(turns.gaps) < info.least:
            return Evidence(self.name, None, info.cap)
        llr = self._model.llr(feature_vector(turns))
        return Evidence(self.name, llr, info.cap, timing_reason(turns, llr))


def timing_reason(turns: TurnTaking, llr: float) -> str:
    """The figures in words."""
    gap = turns.median_gap
    when = f"{gap:.1f} s after us" if gap >= 0 else f"{-gap:.1f} s before our end"
    words = f"timing: answers {when} (middle of {len(turns.gaps)}, spread {turns.spread:.1f} s)"
    if turns.interruptions:
        words += f", talks on {turns.talk_on:.1f} s when interrupted"
    return f"{words}; {odds(llr)} for {'a robot' if llr >= 0 else 'a person'}"

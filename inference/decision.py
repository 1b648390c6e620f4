"""The call decision: a sequential test on the sum of capped evidence (DESIGN, section 7).

After every chunk the streams' log-likelihood ratios, each within its cap, are added up and
compared with the thresholds of the operating point:

* ``robot`` begins at or above ``flag_llr`` and is withdrawn below ``clear_llr``;
* ``human`` begins at or below ``human_llr`` and is withdrawn above the middle between
  ``human_llr`` and ``clear_llr``;
* otherwise the verdict is ``unsure``.

An operating point of all evidence may name streams that also flag alone, each from a threshold of
its own on (:class:`UnionPoint`). Then ``robot`` begins when any of these tests passes, and is
withdrawn when each lies further below its threshold than the hysteresis, ``flag_llr - clear_llr``.
Every test has its share of the rate of false flags, so that the union keeps the whole.

A change needs :data:`HOLD_CHUNKS` chunks in a row that ask for the same new verdict, and neither
``robot`` nor ``human`` begins before ``min_speech_seconds`` of speech are in memory. The test is
that of Wald (1945) with hysteresis; the thresholds come from the model's metadata, where they
were chosen for a stated rate of false flags per call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ringtrue.inference.evidence.base import Evidence
from ringtrue.model.contract import OperatingPoint

Label = Literal["robot", "human", "unsure"]

HOLD_CHUNKS = 3
"""Chunks in a row (of 100 ms) that must ask for a new verdict before it is given."""


@dataclass(frozen=True)
class UnionPoint(OperatingPoint):
    """Thresholds of all evidence: of the sum, and of the streams that also flag alone.

    Attributes:
        alone: natural-log likelihood ratio from which on a stream flags by itself, by its name.
    """

    alone: Mapping[str, float] = field(default_factory=dict, hash=False)

    def excess(self, llrs: Mapping[str, float]) -> float:
        """How far the strongest stream that flags alone lies above its threshold.

        Args:
            llrs: capped likelihood ratio by stream; streams that abstain are absent.

        Returns:
            At least 0 where one flags alone; −inf where none that may has anything to say.
        """
        found = [llrs[name] - flag for name, flag in self.alone.items() if name in llrs]
        return max(found, default=-math.inf)


@dataclass(frozen=True)
class Verdict:
    """What the monitor says after one chunk.

    Attributes:
        verdict: ``robot``, ``human`` or ``unsure``.
        p_robot: probability 0…1 of a robot: sigmoid of ``llr`` plus the prior's log odds.
        voice_llr: the network's natural-log likelihood ratio robot : human.
        llr: sum of the capped evidence. A stream that flags alone may raise a flag while the sum
            is below ``flag_llr``.
        speech: probability 0…1 that this chunk holds speech.
        speech_seconds: s of speech in memory behind ``voice_llr``.
        at: s of the call at the end of this chunk.
        since: s of the call at which the present verdict began.
        reasons: in words with numbers, the strongest first.
    """

    verdict: Label
    p_robot: float
    voice_llr: float
    llr: float
    speech: float
    speech_seconds: float
    at: float
    since: float
    reasons: tuple[str, ...]


def sigmoid(x: float) -> float:
    """1 / (1 + exp(−x)) without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def total_llr(evidence: Sequence[Evidence]) -> float:
    """Sum of the capped evidence; streams that abstain add nothing."""
    return math.fsum(item.capped for item in evidence)


def excess_alone(point: OperatingPoint, evidence: Sequence[Evidence]) -> float:
    """:meth:`UnionPoint.excess` of the streams' evidence; −inf for thresholds of one sum only."""
    if not isinstance(point, UnionPoint):
        return -math.inf
    return point.excess({item.name: item.capped for item in evidence if item.llr is not None})


class SequentialDecision:
    """The state machine of one call.

    Args:
        point: thresholds.
        min_speech_seconds: s of speech in memory before the first verdict.
        prior: probability of a robot before the call; it moves ``p_robot`` only, the thresholds
            are likelihood ratios and hold for any prior.

    Raises:
        ValueError: ``prior`` not between 0 and 1.
    """

    def __init__(
        self, point: OperatingPoint, min_speech_seconds: float, prior: float = 0.5
    ) -> None:
        if not 0.0 < prior < 1.0:
            raise ValueError(f"expected a prior between 0 and 1, got {prior}")
        self.point = point
        self.min_speech_seconds = min_speech_seconds
        self._prior_log_odds = math.log(prior / (1.0 - prior))
        self._human_until = (point.human_llr + point.clear_llr) / 2.0
        self._hysteresis = point.flag_llr - point.clear_llr
        self.reset()

    def reset(self) -> None:
        """Start a new call."""
        self.verdict: Label = "unsure"
        self.since = 0.0
        self._asked: Label = "unsure"
        self._asked_for = 0

    def p_robot(self, llr: float) -> float:
        """Probability 0…1 of a robot for a sum of evidence."""
        return sigmoid(llr + self._prior_log_odds)

    def update(
        self, llr: float, speech_seconds: float, at: float, excess: float = -math.inf
    ) -> Label:
        """The verdict after a chunk.

        Args:
            llr: sum of the capped evidence.
            speech_seconds: s of speech in memory.
            at: s of the call at the end of the chunk.
            excess: of the streams that flag alone, see :meth:`UnionPoint.excess`.
        """
        asked = self._ask(llr, speech_seconds, excess)
        if asked == self.verdict:
            self._asked_for = 0
            return self.verdict
        self._asked_for = self._asked_for + 1 if asked == self._asked else 1
        self._asked = asked
        if self._asked_for >= HOLD_CHUNKS:
            self.verdict, self.since, self._asked_for = asked, at, 0
        return self.verdict

    def _ask(self, llr: float, speech_seconds: float, excess: float) -> Label:
        point = self.point
        enough = speech_seconds >= self.min_speech_seconds
        if self.verdict == "robot" and (llr >= point.clear_llr or excess >= -self._hysteresis):
            return "robot"
        # Ahead of "human": a sum that speaks for a person does not silence a stream.
        if enough and excess >= 0.0:
            return "robot"
        if self.verdict == "human" and llr <= self._human_until:
            return "human"
        if not enough:
            return "unsure"
        if llr >= point.flag_llr:
            return "robot"
        if llr <= point.human_llr:
            return "human"
        return "unsure"


def order_reasons(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The streams' reasons, the strongest evidence first, abstentions last."""
    told = [item for item in evidence if item.reason]
    return tuple(i.reason for i in sorted(told, key=lambda i: -abs(i.capped)))

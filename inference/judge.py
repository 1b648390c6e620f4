"""Judges one call: what the network said of each chunk becomes evidence, decision and verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ringtrue.inference.decision import (
    Label,
    SequentialDecision,
    Verdict,
    excess_alone,
    order_reasons,
    total_llr,
)
from ringtrue.inference.evidence.base import Chunk, Evidence, EvidenceStream
from ringtrue.inference.evidence.voice import VoiceEvidence
from ringtrue.inference.fusion import fused_llr, fused_point
from ringtrue.inference.history import CallHistory
from ringtrue.model.contract import ModelInfo, OperatingPoint

Samples = npt.NDArray[np.float32]

SPEECH_THRESHOLD = 0.5
"""A chunk counts as speech from this probability on."""


class CallJudge:
    """The verdicts of one call, whoever runs the network for it.

    Args:
        info: the model's metadata.
        operating_point: name of the thresholds, with ``streams`` of those of all evidence; or the
            thresholds themselves.
        prior: probability of a robot before the call, for ``p_robot`` only.
        history: filled with the call's curves when given; bounded.
        streams: further evidence besides the voice.

    Raises:
        ValueError: an unknown operating point or an impossible prior.
    """

    def __init__(
        self,
        info: ModelInfo,
        operating_point: str | OperatingPoint,
        *,
        prior: float = 0.5,
        history: CallHistory | None = None,
        streams: Sequence[EvidenceStream] = (),
    ) -> None:
        self.info = info
        self.history = history
        self._streams = tuple(streams)
        if isinstance(operating_point, str):
            choose = fused_point if self._streams else ModelInfo.operating_point
            operating_point = choose(info, operating_point)
        self.point = operating_point
        self._decision = SequentialDecision(self.point, info.min_speech_seconds, prior)
        self._begin()

    def _begin(self) -> None:
        self._chunks = 0
        self._speech_chunks = 0
        self._flagged_at: float | None = None
        self._verdict = Verdict(
            "unsure", self._decision.p_robot(0.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ()
        )

    @property
    def verdict(self) -> Verdict:
        """The newest verdict; ``unsure`` at 0 s before the first chunk."""
        return self._verdict

    @property
    def flagged_at(self) -> float | None:
        """Second of the call at which it was first flagged as robot, or None."""
        return self._flagged_at

    @property
    def heard_speech_seconds(self) -> float:
        """Seconds of chunks that held speech since the call began, forgotten ones included."""
        return self._speech_chunks * self.info.chunk_seconds

    def judge(
        self,
        chunk: Samples,
        voice: VoiceEvidence,
        near: Samples | None = None,
        near_speech: float | None = None,
    ) -> Verdict:
        """The verdict after a chunk, from what the network said of it.

        Args:
            chunk: [chunk_samples] of the far end, in order.
            voice: the network's answer.
            near: the near end's samples of the same 100 ms, for the further streams.
            near_speech: probability 0…1 that ``near`` holds speech.
        """
        at = self._next(voice.speech)
        heard = Chunk(chunk, voice.speech, at, near, near_speech)
        evidence: list[Evidence] = [voice, *(stream.push(heard) for stream in self._streams)]
        llr = fused_llr(evidence) if self._streams else total_llr(evidence)
        label = self._decide(llr, voice.speech_seconds, at, excess_alone(self.point, evidence))
        self._verdict = self._told(label, llr, voice, at, evidence)
        if self.history is not None:
            self.history.add(self._verdict, chunk, self.info.chunk_seconds, evidence)
        return self._verdict

    def _next(self, speech: float) -> float:
        """Count a chunk; second of the call at its end."""
        self._chunks += 1
        self._speech_chunks += speech >= SPEECH_THRESHOLD
        # From the count, so that 36,000 additions of 0.1 do not drift.
        return self._chunks * self.info.chunk_samples / self.info.sample_rate

    def _decide(
        self, llr: float, speech_seconds: float, at: float, excess: float = -math.inf
    ) -> Label:
        label = self._decision.update(llr, speech_seconds, at, excess)
        if label == "robot" and self._flagged_at is None:
            self._flagged_at = at
        return label

    def _told(
        self, label: Label, llr: float, voice: VoiceEvidence, at: float, evidence: list[Evidence]
    ) -> Verdict:
        """The verdict that was just decided, with its figures and reasons."""
        return Verdict(
            verdict=label,
            p_robot=self._decision.p_robot(llr),
            voice_llr=voice.voice_llr,
            llr=llr,
            speech=voice.speech,
            speech_seconds=voice.speech_seconds,
            at=at,
            since=self._decision.since,
            reasons=order_reasons(evidence),
        )

    def reset(self) -> None:
        """Forget the call."""
        for stream in self._streams:
            stream.reset()
        self._decision.reset()
        if self.history is not None:
            self.history = CallHistory(self.history.max_points)
        self._begin()

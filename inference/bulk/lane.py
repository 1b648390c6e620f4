"""One scored channel behind the network: evidence, decision, and what its row needs.

It does what ``CallMonitor`` does after every step of the network, for several chunks at once and
without a verdict in words for chunks that nobody asks about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from ringtrue.inference.evidence.voice import VoiceEvidence, too_little, voice_reason
from ringtrue.inference.fusion import fused_llr, fused_point
from ringtrue.inference.history import CallHistory
from ringtrue.inference.monitor import SPEECH_THRESHOLD
from ringtrue.inference.score import CallSummary, ScoreRow
from ringtrue.model.contract import ModelInfo, OperatingPoint

Samples = npt.NDArray[np.float32]


class LaneCall:
    """The decision of one channel; the same as that of a ``CallMonitor`` on the same audio.

    Args:
        info: the model's metadata.
        operating_point: name of the thresholds.
        streams: further evidence of this call.
        history: filled with the call's curves when given.
    """

    def __init__(
        self,
        info: ModelInfo,
        operating_point: str,
        streams: Sequence[EvidenceStream] = (),
        history: CallHistory | None = None,
    ) -> None:
        self.info = info
        self.history = history
        self._streams = tuple(streams)
        choose = fused_point if self._streams else ModelInfo.operating_point
        self._decision = SequentialDecision(choose(info, operating_point), info.min_speech_seconds)
        self._chunks = 0
        self._speech_chunks = 0
        self._flagged_at: float | None = None
        self._verdict = Verdict(
            "unsure", self._decision.p_robot(0.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ()
        )
        self._summary = CallSummary(self)

    @property
    def point(self) -> OperatingPoint:
        """The thresholds."""
        return self._decision.point

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
        """Seconds of chunks that held speech since the call began."""
        return self._speech_chunks * self.info.chunk_seconds

    def hear(
        self,
        speech: Samples,
        voice_llr: Samples,
        speech_seconds: Samples,
        far: Samples,
        near: Samples | None = None,
        near_speech: Samples | None = None,
    ) -> None:
        """Note the network's answers to the next chunks.

        Args:
            speech, voice_llr, speech_seconds: [k] outputs of the network for these chunks.
            far: [k, chunk_samples] the chunks.
            near: [k, chunk_samples] the near end of the same time, with its speech [k].

        Raises:
            ValueError: the model answered with NaN.
        """
        if not np.isfinite(voice_llr).all():
            bad = float(voice_llr[~np.isfinite(voice_llr)][0])
            raise ValueError(f"expected a finite voice_llr from the model, got {bad}")
        if self._streams or self.history is not None:
            self._hear_all(speech, voice_llr, speech_seconds, far, near, near_speech)
        else:
            self._hear_voice(speech, voice_llr, speech_seconds)

    def _hear_voice(self, speech: Samples, voice_llr: Samples, speech_seconds: Samples) -> None:
        """Voice alone: words only for the chunks that can end up in the row."""
        # In double precision, as the monitor compares.
        enough = speech_seconds.astype(np.float64) >= self.info.min_speech_seconds
        sums = np.where(enough, voice_llr, np.float32(0.0))
        told = {int(np.argmax(speech_seconds)), len(sums) - 1}
        if enough.any():
            told.add(int(np.argmax(np.where(enough, sums, -np.inf))))
        verdicts = []
        values = zip(speech.tolist(), voice_llr.tolist(), speech_seconds.tolist(), strict=True)
        for number, (probability, llr, seconds) in enumerate(values):
            at = self._next(probability)
            counted = llr if seconds >= self.info.min_speech_seconds else 0.0
            label = self._decision.update(counted, seconds, at)
            flagged = label == "robot" and self._flagged_at is None
            if flagged:
                self._flagged_at = at
            if flagged or number in told:
                voice = self._voice(probability, llr, seconds)
                verdicts.append(self._told(label, counted, voice, at, [voice]))
        self._verdict = verdicts[-1]
        self._summary.add(verdicts)

    def _hear_all(
        self,
        speech: Samples,
        voice_llr: Samples,
        speech_seconds: Samples,
        far: Samples,
        near: Samples | None,
        near_speech: Samples | None,
    ) -> None:
        for k in range(len(speech)):
            voice = self._voice(float(speech[k]), float(voice_llr[k]), float(speech_seconds[k]))
            at = self._next(voice.speech)
            heard = Chunk(
                far[k],
                voice.speech,
                at,
                None if near is None else near[k],
                None if near_speech is None else float(near_speech[k]),
            )
            evidence: list[Evidence] = [voice, *(stream.push(heard) for stream in self._streams)]
            llr = fused_llr(evidence) if self._streams else total_llr(evidence)
            excess = excess_alone(self.point, evidence)
            label = self._decision.update(llr, voice.speech_seconds, at, excess)
            if label == "robot" and self._flagged_at is None:
                self._flagged_at = at
            self._verdict = self._told(label, llr, voice, at, evidence)
            self._summary.add([self._verdict])
            if self.history is not None:
                self.history.add(self._verdict, far[k], self.info.chunk_seconds, evidence)

    def _next(self, speech: float) -> float:
        self._chunks += 1
        self._speech_chunks += speech >= SPEECH_THRESHOLD
        return self._chunks * self.info.chunk_samples / self.info.sample_rate

    def _voice(self, speech: float, llr: float, seconds: float) -> VoiceEvidence:
        needed = self.info.min_speech_seconds
        enough = seconds >= needed
        return VoiceEvidence(
            name="voice",
            llr=llr if enough else None,
            reason=voice_reason(llr, seconds) if enough else too_little(seconds, needed),
            speech=speech,
            voice_llr=llr,
            speech_seconds=seconds,
        )

    def _told(
        self, label: Label, llr: float, voice: VoiceEvidence, at: float, evidence: list[Evidence]
    ) -> Verdict:
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

    def row(self, path: str, channel: str, seconds: float, warnings: Iterable[str]) -> ScoreRow:
        """The row of the finished call."""
        return self._summary.row(path, channel, seconds, warnings)

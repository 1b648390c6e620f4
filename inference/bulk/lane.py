"""One scored channel behind the network: evidence, decision, and what its row needs.

It judges as ``CallMonitor`` does after every step of the network, but several chunks at once and
without a verdict in words for chunks that nobody asks about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ringtrue.inference.evidence.base import EvidenceStream
from ringtrue.inference.evidence.voice import VoiceEvidence
from ringtrue.inference.history import CallHistory
from ringtrue.inference.judge import CallJudge
from ringtrue.inference.score import CallSummary, ScoreRow
from ringtrue.model.contract import ModelInfo

Samples = npt.NDArray[np.float32]


class LaneCall(CallJudge):
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
        super().__init__(info, operating_point, history=history, streams=streams)
        self._summary = CallSummary(self)

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
            label = self._decide(counted, seconds, at)
            if at == self._flagged_at or number in told:
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
            verdict = self.judge(
                far[k],
                voice,
                None if near is None else near[k],
                None if near_speech is None else float(near_speech[k]),
            )
            self._summary.add([verdict])

    def _voice(self, speech: float, llr: float, seconds: float) -> VoiceEvidence:
        return VoiceEvidence.of(speech, llr, seconds, self.info.min_speech_seconds)

    def row(self, path: str, channel: str, seconds: float, warnings: Iterable[str]) -> ScoreRow:
        """The row of the finished call."""
        return self._summary.row(path, channel, seconds, warnings)

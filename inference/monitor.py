"""Follows one call and says, chunk by chunk, what the far end is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ringtrue.inference.cutter import Cutter
from ringtrue.inference.decision import (
    SequentialDecision,
    Verdict,
    excess_alone,
    order_reasons,
    total_llr,
)
from ringtrue.inference.evidence.base import Chunk, Evidence, EvidenceStream
from ringtrue.inference.evidence.voice import Runner, VoiceEvidence, VoiceStream
from ringtrue.inference.fusion import fused_llr, fused_point
from ringtrue.inference.history import CallHistory
from ringtrue.inference.session import Session
from ringtrue.model.contract import ModelInfo, OperatingPoint

Samples = npt.NDArray[np.float32]

SPEECH_THRESHOLD = 0.5
"""A chunk counts as speech from this probability on."""


class CallMonitor:
    """Monitor of the far end of one call.

    >>> monitor = CallMonitor()                                   # doctest: +SKIP
    >>> for verdict in monitor.push(samples, sample_rate=16000):  # doctest: +SKIP
    ...     if verdict.verdict == "robot":
    ...         print(verdict.at, verdict.p_robot, verdict.reasons)

    >>> monitor = CallMonitor(streams=default_streams())          # doctest: +SKIP
    >>> monitor.push(far, 8000, near=near)                        # doctest: +SKIP

    The same audio gives the same verdicts however it is cut. The resampler holds back up to
    0.17 s unless the audio is at the model's rate (8 kHz).

    Args:
        session: a ``Session`` to share between calls, a model file, or None for the released one.
        operating_point: name of the thresholds, ``cautious`` or ``balanced`` in released models;
            or the thresholds themselves. With ``streams``, a name means those of all evidence
            where the released ones were chosen for this voice model (``fusion.py``).
        prior: probability of a robot before the call, for ``p_robot`` only.
        history: filled with the call's curves when given; bounded.
        streams: further evidence besides the voice.

    Raises:
        ValueError: a bad model file, an unknown operating point or an impossible prior.
    """

    def __init__(
        self,
        session: Runner | str | Path | None = None,
        operating_point: str | OperatingPoint = "cautious",
        *,
        prior: float = 0.5,
        history: CallHistory | None = None,
        streams: Sequence[EvidenceStream] = (),
    ) -> None:
        if session is None or isinstance(session, str | Path):
            session = Session(session)
        self.info = session.info
        self.history = history
        self._voice = VoiceStream(session)
        self._streams = tuple(streams)
        if isinstance(operating_point, str):
            choose = fused_point if self._streams else ModelInfo.operating_point
            operating_point = choose(self.info, operating_point)
        self.point = operating_point
        self._decision = SequentialDecision(self.point, self.info.min_speech_seconds, prior)
        self._start()

    def _start(self) -> None:
        size = (self.info.sample_rate, self.info.chunk_samples)
        self._far, self._near = Cutter(*size), Cutter(*size)
        self._chunks = 0
        self._speech_chunks = 0
        self._finished = False
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

    def push(
        self, samples: npt.ArrayLike, sample_rate: int, near: npt.ArrayLike | None = None
    ) -> list[Verdict]:
        """Hear the next samples of the call.

        Args:
            samples: [n] of the far end, any n; float in −1…1, or int16, int32, int8, uint8 at full
                scale.
            sample_rate: Hz, 4,000…768,000, the same throughout a call.
            near: [n] of the near end at the same time, for evidence that needs both. Given with
                every push of a call or with none.

        Returns:
            One verdict per completed 100 ms, often none, in order.

        Raises:
            ValueError: not one-dimensional, another type, NaN or infinite samples, an impossible
                rate, another rate than before, a near end of another length, with the near end
                now and without before or the reverse, or after :meth:`finish`. The call can go on
                afterwards: refused samples leave no trace.
        """
        if near is None and self._near.rate_in is None:
            return [self._hear(chunk) for chunk in self.cut(samples, sample_rate)]
        if near is None or (self._near.rate_in is None and self._far.rate_in is not None):
            raise ValueError(
                "expected the near end with every push of a call or with none, got a push "
                + ("without it" if near is None else "with it after others without")
            )
        pcm, other = to_float(samples), to_float(near)
        if other.size != pcm.size:
            raise ValueError(
                f"expected {pcm.size} samples of the near end as of the far end, got {other.size}"
            )
        far_chunks = self.cut(pcm, sample_rate)
        return self._hear_both(far_chunks, self._near.push(other, sample_rate))

    def finish(self) -> list[Verdict]:
        """End the call: hear what the resampler held back.

        A last incomplete chunk is completed with silence if at least half of it is there, and
        dropped otherwise. Finishing twice does nothing.
        """
        chunks = self.cut_rest()
        if self._near.rate_in is None:
            return [self._hear(chunk) for chunk in chunks]
        return self._hear_both(chunks, self._near.finish()) if chunks else []

    # Hosts that batch the chunks of many calls take push() and finish() apart: they cut, run the
    # network with each call's ``voice.state``, and judge the rows of the answer.

    @property
    def voice(self) -> VoiceStream:
        """This call's state of the network."""
        return self._voice

    def cut(self, samples: npt.ArrayLike, sample_rate: int) -> list[Samples]:
        """The whole chunks [chunk_samples] that the next samples complete, at the model's rate.

        Arguments and errors are those of :meth:`push`.
        """
        if self._finished:
            raise ValueError("the call was finished; reset() starts the next one")
        self._far.check(sample_rate)
        return self._far.push(to_float(samples), sample_rate)

    def cut_rest(self) -> list[Samples]:
        """End the call: its last chunks, see :meth:`finish`."""
        if self._finished:
            return []
        self._finished = True
        return self._far.finish()

    def reset(self) -> None:
        """Forget the call; the next one may have another sample rate."""
        self._voice.reset()
        for stream in self._streams:
            stream.reset()
        self._decision.reset()
        if self.history is not None:
            self.history = CallHistory(self.history.max_points)
        self._start()

    def _hear(self, chunk: Samples) -> Verdict:
        return self.judge(chunk, self._voice.push(chunk))

    def _hear_both(self, far: Sequence[Samples], near: Sequence[Samples]) -> list[Verdict]:
        verdicts = []
        for chunk, other in zip(far, near, strict=True):
            voice, near_speech = self._voice.push_both(chunk, other)
            verdicts.append(self.judge(chunk, voice, other, near_speech))
        return verdicts

    def judge(
        self,
        chunk: Samples,
        voice: VoiceEvidence,
        near: Samples | None = None,
        near_speech: float | None = None,
    ) -> Verdict:
        """The verdict after a chunk, from what the network said of it.

        Args:
            chunk: [chunk_samples] of the far end, from :meth:`cut` or :meth:`cut_rest`, in order.
            voice: of :meth:`VoiceStream.push` or :meth:`VoiceStream.hear`.
            near: the near end's samples of the same 100 ms, for the further streams.
            near_speech: probability 0…1 that ``near`` holds speech.
        """
        self._chunks += 1
        self._speech_chunks += voice.speech >= SPEECH_THRESHOLD
        # From the count, so that 36,000 additions of 0.1 do not drift.
        at = self._chunks * self.info.chunk_samples / self.info.sample_rate
        heard = Chunk(chunk, voice.speech, at, near, near_speech)
        evidence: list[Evidence] = [voice, *(stream.push(heard) for stream in self._streams)]
        llr = fused_llr(evidence) if self._streams else total_llr(evidence)
        excess = excess_alone(self.point, evidence)
        label = self._decision.update(llr, voice.speech_seconds, at, excess)
        if label == "robot" and self._flagged_at is None:
            self._flagged_at = at
        self._verdict = Verdict(
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
        if self.history is not None:
            self.history.add(self._verdict, chunk, self.info.chunk_seconds, evidence)
        return self._verdict


def to_float(samples: npt.ArrayLike) -> Samples:
    """Samples [n] as float32 in −1…1.

    Raises:
        ValueError: not one-dimensional, not float or int8/uint8/int16/int32, NaN or infinite.
    """
    array = np.asarray(samples)
    if array.ndim != 1:
        raise ValueError(f"expected samples of one channel [n], got shape {list(array.shape)}")
    if array.dtype.kind == "f":
        pcm = array.astype(np.float32)
        if not np.isfinite(pcm).all():
            raise ValueError("expected finite samples, got NaN or infinite ones")
        return pcm
    if array.dtype == np.uint8:
        return (array.astype(np.float32) - 128.0) / 128.0
    if array.dtype in (np.int8, np.int16, np.int32):
        return (array / 2.0 ** (8 * array.dtype.itemsize - 1)).astype(np.float32)
    raise ValueError(f"expected float, int8, uint8, int16 or int32 samples, got {array.dtype}")

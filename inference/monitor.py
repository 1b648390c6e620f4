"""Follows one call and says, chunk by chunk, what the far end is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ringtrue.inference.decision import SequentialDecision, Verdict, order_reasons, total_llr
from ringtrue.inference.evidence.base import Chunk, Evidence, EvidenceStream
from ringtrue.inference.evidence.voice import Runner, VoiceStream
from ringtrue.inference.history import CallHistory
from ringtrue.inference.resample import StreamResampler, check_rate
from ringtrue.inference.session import Session

Samples = npt.NDArray[np.float32]

SPEECH_THRESHOLD = 0.5
"""A chunk counts as speech from this probability on."""


class CallMonitor:
    """Monitor of the far end of one call.

    >>> monitor = CallMonitor()                                   # doctest: +SKIP
    >>> for verdict in monitor.push(samples, sample_rate=16000):  # doctest: +SKIP
    ...     if verdict.verdict == "robot":
    ...         print(verdict.at, verdict.p_robot, verdict.reasons)

    The same audio gives the same verdicts however it is cut. The resampler holds back up to
    0.17 s unless the audio is at the model's rate (8 kHz).

    Args:
        session: a ``Session`` to share between calls, a model file, or None for the released one.
        operating_point: name of the thresholds, ``cautious`` or ``balanced`` in released models.
        prior: probability of a robot before the call, for ``p_robot`` only.
        history: filled with the call's curves when given; bounded.
        streams: further evidence besides the voice.

    Raises:
        ValueError: a bad model file, an unknown operating point or an impossible prior.
    """

    def __init__(
        self,
        session: Runner | str | Path | None = None,
        operating_point: str = "cautious",
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
        self._decision = SequentialDecision(
            self.info.operating_point(operating_point), self.info.min_speech_seconds, prior
        )
        self._start()

    def _start(self) -> None:
        self._resampler: StreamResampler | None = None
        self._rest = np.zeros(0, np.float32)
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

    def push(self, samples: npt.ArrayLike, sample_rate: int) -> list[Verdict]:
        """Hear the next samples of the far end.

        Args:
            samples: [n], any n; float in −1…1, or int16, int32, int8, uint8 at full scale.
            sample_rate: Hz, 4,000…768,000, the same throughout a call.

        Returns:
            One verdict per completed 100 ms, often none, in order.

        Raises:
            ValueError: not one-dimensional, another type, NaN or infinite samples, an impossible
                rate, another rate than before, or after :meth:`finish`. The call can go on
                afterwards: refused samples leave no trace.
        """
        if self._finished:
            raise ValueError("the call was finished; reset() starts the next one")
        rate = check_rate(sample_rate)
        if self._resampler is not None and rate != self._resampler.rate_in:
            raise ValueError(
                f"expected {self._resampler.rate_in} Hz as before in this call, got {rate} Hz"
            )
        pcm = to_float(samples)
        if self._resampler is None:
            self._resampler = StreamResampler(rate, self.info.sample_rate)
        return self._hear(self._resampler.push(pcm))

    def finish(self) -> list[Verdict]:
        """End the call: hear what the resampler held back.

        A last incomplete chunk is completed with silence if at least half of it is there, and
        dropped otherwise. Finishing twice does nothing.
        """
        if self._finished:
            return []
        verdicts = self._hear(self._resampler.finish()) if self._resampler is not None else []
        missing = self.info.chunk_samples - self._rest.size
        if self._rest.size >= missing:
            verdicts += self._hear(np.zeros(missing, np.float32))
        self._rest = np.zeros(0, np.float32)
        self._finished = True
        return verdicts

    def reset(self) -> None:
        """Forget the call; the next one may have another sample rate."""
        self._voice.reset()
        for stream in self._streams:
            stream.reset()
        self._decision.reset()
        if self.history is not None:
            self.history = CallHistory(self.history.max_points)
        self._start()

    def _hear(self, pcm: Samples) -> list[Verdict]:
        size = self.info.chunk_samples
        data = np.concatenate((self._rest, pcm)) if self._rest.size else pcm
        whole = data.size - data.size % size
        # A copy, lest the caller's array changes under it or a long block is kept alive.
        self._rest = data[whole:].copy()
        return [self._chunk(chunk) for chunk in data[:whole].reshape(-1, size)]

    def _chunk(self, chunk: Samples) -> Verdict:
        voice = self._voice.push(chunk)
        self._chunks += 1
        self._speech_chunks += voice.speech >= SPEECH_THRESHOLD
        # From the count, so that 36,000 additions of 0.1 do not drift.
        at = self._chunks * self.info.chunk_samples / self.info.sample_rate
        heard = Chunk(chunk, voice.speech, at)
        evidence: list[Evidence] = [voice, *(stream.push(heard) for stream in self._streams)]
        llr = total_llr(evidence)
        label = self._decision.update(llr, voice.speech_seconds, at)
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

"""Follows one call and says, chunk by chunk, what the far end is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ringtrue.inference.cutter import Cutter
from ringtrue.inference.decision import Verdict
from ringtrue.inference.evidence.base import EvidenceStream
from ringtrue.inference.evidence.voice import Runner, VoiceStream
from ringtrue.inference.history import CallHistory
from ringtrue.inference.judge import CallJudge
from ringtrue.inference.session import Session
from ringtrue.model.contract import OperatingPoint

Samples = npt.NDArray[np.float32]


class CallMonitor(CallJudge):
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
        super().__init__(
            session.info, operating_point, prior=prior, history=history, streams=streams
        )
        self._voice = VoiceStream(session)
        self._start()

    def _start(self) -> None:
        size = (self.info.sample_rate, self.info.chunk_samples)
        self._far, self._near = Cutter(*size), Cutter(*size)
        self._finished = False

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
        super().reset()
        self._voice.reset()
        self._start()

    def _hear(self, chunk: Samples) -> Verdict:
        return self.judge(chunk, self._voice.push(chunk))

    def _hear_both(self, far: Sequence[Samples], near: Sequence[Samples]) -> list[Verdict]:
        verdicts = []
        for chunk, other in zip(far, near, strict=True):
            voice, near_speech = self._voice.push_both(chunk, other)
            verdicts.append(self.judge(chunk, voice, other, near_speech))
        return verdicts


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

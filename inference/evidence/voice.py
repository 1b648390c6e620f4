"""Voice evidence: what the network says about the speech heard so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ringtrue.inference.evidence.base import Evidence
from ringtrue.inference.session import Step
from ringtrue.model.contract import ModelInfo

Samples = npt.NDArray[np.float32]


class Runner(Protocol):
    """The part of ``Session`` that the voice stream uses."""

    @property
    def info(self) -> ModelInfo:
        """Metadata of the model."""

    def zero_state(self, batch: int = 1) -> Samples:
        """States [batch, S] at the start of a call."""

    def run(self, pcm: Samples, state: Samples) -> Step:
        """One chunk of each of the calls of a batch."""


@dataclass(frozen=True)
class VoiceEvidence(Evidence):
    """Evidence with the model's other outputs.

    Attributes:
        speech: probability that this chunk holds speech.
        voice_llr: the model's figure, also while ``llr`` abstains for want of speech.
        speech_seconds: seconds of speech in memory behind it.
    """

    speech: float = 0.0
    voice_llr: float = 0.0
    speech_seconds: float = 0.0

    @classmethod
    def of(
        cls, speech: float, voice_llr: float, speech_seconds: float, needed: float
    ) -> VoiceEvidence:
        """What the model's outputs say; it abstains below ``needed`` s of speech in memory."""
        enough = speech_seconds >= needed
        return cls(
            name="voice",
            llr=voice_llr if enough else None,
            reason=voice_reason(voice_llr, speech_seconds)
            if enough
            else too_little(speech_seconds, needed),
            speech=speech,
            voice_llr=voice_llr,
            speech_seconds=speech_seconds,
        )


class VoiceStream:
    """One call's state of the network.

    It abstains until ``info.min_speech_seconds`` of speech are in memory.
    """

    name = "voice"

    def __init__(self, session: Runner) -> None:
        self._session = session
        self._state = session.zero_state()
        self._near_state = session.zero_state()

    def push(self, chunk: Samples) -> VoiceEvidence:
        """Hear the next chunk, float32 [chunk_samples].

        Raises:
            ValueError: wrong shape or type, or the model answered with NaN.
        """
        return self.hear(self._session.run(chunk[np.newaxis], self._state))

    def push_both(self, chunk: Samples, near: Samples) -> tuple[VoiceEvidence, float]:
        """:meth:`push` with the near end beside the far end, as a batch of two.

        Returns:
            The far end's evidence, and the probability 0…1 that the near end speaks.

        Raises:
            ValueError: wrong shape or type, or the model answered with NaN.
        """
        state = np.concatenate([self._state, self._near_state])
        step = self._session.run(np.stack([chunk, near]), state)
        evidence = self.hear(step)
        self._near_state = step.state[1:].copy()
        return evidence, float(step.speech[1])

    @property
    def state(self) -> Samples:
        """The network's state [1, S], for hosts that batch calls themselves."""
        return self._state

    def hear(self, step: Step, row: int = 0) -> VoiceEvidence:
        """Take one row of a batch that was run with this call's :attr:`state` in that row.

        Raises:
            ValueError: the model answered with NaN.
        """
        llr = float(step.voice_llr[row])
        if not math.isfinite(llr):
            raise ValueError(f"expected a finite voice_llr from the model, got {llr}")
        state = step.state[row : row + 1]
        # A copy, lest one row keeps the states of the whole batch alive.
        self._state = state.copy() if len(step.state) > 1 else state
        return VoiceEvidence.of(
            float(step.speech[row]),
            llr,
            float(step.speech_seconds[row]),
            self._session.info.min_speech_seconds,
        )

    def reset(self) -> None:
        """Start a new call."""
        self._state = self._session.zero_state()
        self._near_state = self._session.zero_state()


def odds(llr: float) -> str:
    """The likelihood ratio in favour of the likelier side, such as ``37:1``."""
    ratio = math.exp(min(abs(llr), 20.0))
    if ratio >= 1000:
        return "more than 1000:1"
    return f"{ratio:.0f}:1" if ratio >= 9.95 else f"{ratio:.1f}:1"


def voice_reason(llr: float, speech_seconds: float) -> str:
    """The figure in words."""
    side = "synthetic" if llr >= 0 else "human"
    return f"voice: {odds(llr)} for {side} after {speech_seconds:.1f} s of speech"


def too_little(speech_seconds: float, needed: float) -> str:
    """Why the voice stream abstains."""
    if speech_seconds < 0.05:
        return "voice: no speech yet"
    return f"voice: only {speech_seconds:.1f} s of speech, at least {needed:.1f} s needed"

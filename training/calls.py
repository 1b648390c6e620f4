"""Whole calls: when a model flags them, by the same decision that the call monitor takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringtrue.inference.decision import HOLD_CHUNKS, SequentialDecision
from ringtrue.model.contract import SAMPLE_RATE, ModelInfo, OperatingPoint
from ringtrue.training.heard import View
from ringtrue.training.scoring import OnnxDetector, Trajectory
from ringtrue.training.trials import Trial, audio_of, groups_of, speech_of, trial_of

LONGEST_CALL = 60.0
"""Clips of one studio voice are joined to calls of at most so many seconds."""


@dataclass(frozen=True)
class CallOutcome:
    """What happened in one call at one operating point.

    Attributes:
        call: the recording, or the joined clips of a voice.
        seconds: length of the call in s.
        mean_llr: mean ``voice_llr`` from the first second of speech in memory on; 0 if none.
        top_llr: highest ``voice_llr`` from there on; −inf if none.
        flagged: whether the verdict was ever ``robot``.
        flagged_at: s of the call at the first flag, NaN without one.
        flagged_speech: s of speech (reference detector) up to the first flag, NaN without one.
    """

    call: Trial
    seconds: float
    mean_llr: float
    top_llr: float
    flagged: bool
    flagged_at: float
    flagged_speech: float


def calls_of(view: str, heard: View, longest: float = LONGEST_CALL) -> list[Trial]:
    """Recordings as they are; studio clips of one voice joined to calls of up to ``longest`` s."""
    calls = []
    for members in groups_of(heard.values()).values():
        whole = members[0].clip.condition == "phone"
        joined = [(item, len(item.samples)) for item in members]
        while joined:
            ends = np.cumsum([samples for _, samples in joined]) / SAMPLE_RATE
            count = len(joined) if whole else max(1, int(np.searchsorted(ends, longest, "right")))
            speech = sum(item.speech_seconds for item, _ in joined[:count])
            calls.append(trial_of(view, speech, joined[:count]))
            joined = joined[count:]
    return calls


def first_flag(trajectory: Trajectory, point: OperatingPoint, info: ModelInfo) -> int | None:
    """Chunk after which the verdict first is ``robot``, or None."""
    decision = SequentialDecision(point, info.min_speech_seconds)
    told = told_llr(trajectory, info.min_speech_seconds, abstained=0.0)
    for chunk, (llr, seconds) in enumerate(zip(told, trajectory.speech_seconds, strict=True)):
        if decision.update(float(llr), float(seconds), chunk * info.chunk_seconds) == "robot":
            return chunk
    return None


def told_llr(
    trajectory: Trajectory, min_speech_seconds: float, abstained: float
) -> NDArray[np.float32]:
    """``voice_llr`` of each chunk, with ``abstained`` where there was too little speech yet."""
    enough = trajectory.speech_seconds >= min_speech_seconds
    return np.where(enough, trajectory.voice_llr, np.float32(abstained)).astype(np.float32)


def peak_llr(trajectory: Trajectory, min_speech_seconds: float) -> float:
    """The highest threshold that would have flagged the call; −inf if none would.

    The maximum over time of the minimum over :data:`HOLD_CHUNKS` chunks in a row, because a
    verdict needs that many.
    """
    told = told_llr(trajectory, min_speech_seconds, -math.inf)
    if len(told) < HOLD_CHUNKS:
        return -math.inf
    held = np.lib.stride_tricks.sliding_window_view(told, HOLD_CHUNKS).min(axis=1)
    return float(held.max())


def trough_llr(trajectory: Trajectory, min_speech_seconds: float) -> float:
    """The lowest ``human_llr`` at which the call would have been called human; inf if at none."""
    mirrored = Trajectory(-trajectory.voice_llr, trajectory.speech, trajectory.speech_seconds)
    return -peak_llr(mirrored, min_speech_seconds)


def outcomes(
    detector: OnnxDetector, calls: Sequence[Trial], heard: View
) -> dict[str, list[CallOutcome]]:
    """Outcome of every call at each operating point of the model, by its name."""
    info = detector.session.info
    trajectories = detector.trajectories([audio_of(call, heard) for call in calls])
    table: dict[str, list[CallOutcome]] = {point.name: [] for point in info.operating_points}
    for call, trajectory in zip(calls, trajectories, strict=True):
        told = trajectory.voice_llr[trajectory.speech_seconds >= info.min_speech_seconds]
        speech = speech_of(call, heard)
        for point in info.operating_points:
            chunk = first_flag(trajectory, point, info)
            end = None if chunk is None else (chunk + 1) * info.chunk_samples
            table[point.name].append(
                CallOutcome(
                    call=call,
                    seconds=len(speech) / SAMPLE_RATE,
                    mean_llr=float(told.mean()) if len(told) else 0.0,
                    top_llr=float(told.max()) if len(told) else -math.inf,
                    flagged=end is not None,
                    flagged_at=math.nan if end is None else end / SAMPLE_RATE,
                    flagged_speech=math.nan if end is None else _speech_until(speech, end),
                )
            )
    return table


def _speech_until(speech: NDArray[np.bool_], end: int) -> float:
    return float(np.count_nonzero(speech[:end])) / SAMPLE_RATE

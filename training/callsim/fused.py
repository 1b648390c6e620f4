"""The call decision on listened-to calls, with any choice of evidence; thresholds for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ringtrue.inference.decision import SequentialDecision
from ringtrue.inference.fusion import SYNTHETIC_SHARE, FusionInfo, voice_model_name
from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.training.calls import peak_llr, trough_llr
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.listening import Listened
from ringtrue.training.scoring import Trajectory
from ringtrue.training.thresholds import ThresholdStudy, study

Array = NDArray[np.float32]


def fused_llr(heard: Listened, streams: Sequence[str], min_speech_seconds: float) -> Array:
    """Sum of the voice and of the named streams after each chunk, as the monitor adds them.

    Without names the voice's own likelihood ratio.
    """
    total = np.where(heard.speech_seconds >= min_speech_seconds, heard.voice_llr, 0.0)
    if streams:
        total = np.logaddexp(total + np.log(SYNTHETIC_SHARE), np.log(1 - SYNTHETIC_SHARE))
    for name in streams:
        if name in heard.evidence:
            total = total + heard.evidence[name]
    return np.asarray(total, np.float32)


def verdicts(
    heard: Listened, streams: Sequence[str], point: OperatingPoint, info: ModelInfo
) -> list[str]:
    """The monitor's verdict after each chunk."""
    decision = SequentialDecision(point, info.min_speech_seconds)
    total = fused_llr(heard, streams, info.min_speech_seconds)
    return [
        decision.update(float(llr), float(seconds), (i + 1) * info.chunk_seconds)
        for i, (llr, seconds) in enumerate(zip(total, heard.speech_seconds, strict=True))
    ]


def choose_fused_points(
    humans: Sequence[tuple[StoredCall, Listened]],
    robots: Sequence[tuple[StoredCall, Listened]],
    info: ModelInfo,
    streams: Sequence[str],
    version: str,
    seed: int = 1,
) -> tuple[FusionInfo, ThresholdStudy]:
    """Thresholds of the fused evidence for the usual rates of false flags per call.

    Chosen like those of the voice alone (``thresholds.py``): quantiles of the calls' highest held
    sums, with a generalised Pareto tail and a bootstrap over voices.

    Args:
        humans: calls of people of ``dev``; what an IVR said before them is left out.
        robots: calls of bots of ``dev``, for the threshold of ``human``.
        info: of the voice model.
        streams: that are on.
        version: of the file.
        seed: of the bootstrap.

    Raises:
        ValueError: too few human calls.
    """
    needed = info.min_speech_seconds
    people = [(call, heard) for call, heard in humans if call.truth.prelude != "ivr"]
    peaks = [peak_llr(_trajectory(h, streams, needed), needed) for _, h in people]
    found = study(
        np.array(peaks),
        [call.truth.person for call, _ in people],
        [call.truth.kind for call, _ in people],
        np.array([peak_llr(_trajectory(h, streams, needed), needed) for _, h in robots]),
        np.array([trough_llr(_trajectory(h, streams, needed), needed) for _, h in robots]),
        seed,
    )
    fusion = FusionInfo(
        version=version,
        voice_model=voice_model_name(info),
        streams=("voice", *streams),
        operating_points=found.points,
        made_of=f"{found.human_calls} simulated dev calls of {found.human_voices} people, "
        f"{found.robot_calls} of bots",
    )
    return fusion, found


def _trajectory(heard: Listened, streams: Sequence[str], needed: float) -> Trajectory:
    return Trajectory(fused_llr(heard, streams, needed), heard.speech, heard.speech_seconds)

"""The call decision on listened-to calls, with any choice of evidence; thresholds for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringtrue.inference.decision import SequentialDecision, UnionPoint
from ringtrue.inference.fusion import (
    SYNTHETIC_SHARE,
    FusionInfo,
    voice_model_digest,
    voice_model_name,
)
from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.training.calls import peak_llr, trough_llr
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.listening import Listened
from ringtrue.training.scoring import Trajectory
from ringtrue.training.thresholds import (
    HYSTERESIS,
    RATES,
    ROBOTS_CALLED_HUMAN,
    counted_quantile,
    tail_quantile,
    upper_bound,
)

Array = NDArray[np.float32]

TESTS = ("voice", "replay", "sum")
"""What a call is flagged by: either stream alone, or the sum of all evidence."""
COUNTED = 0.01
"""Share of human calls whose peaks are still counted; rarer ones are out of reach of a few hundred
calls."""
LEAST_CALLS = 20


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


def track_of(heard: Listened, name: str, min_speech_seconds: float) -> Array:
    """What the voice or a stream says alone after each chunk, −inf where it abstains."""
    if name == "voice":
        told, speaks = heard.voice_llr, heard.speech_seconds >= min_speech_seconds
    else:
        # Replay, the only stream that flags alone, is above 0 wherever it does not abstain.
        told = heard.evidence[name]
        speaks = told != 0
    return np.where(speaks, told, -np.inf).astype(np.float32)


def excess_alone(
    heard: Listened, streams: Sequence[str], point: OperatingPoint, min_speech_seconds: float
) -> Array:
    """How far the strongest stream that flags alone lies above its threshold after each chunk."""
    excess = np.full(len(heard.speech), -np.inf, np.float32)
    if isinstance(point, UnionPoint):
        for name, flag in point.alone.items():
            if name == "voice" or name in streams:
                excess = np.maximum(excess, track_of(heard, name, min_speech_seconds) - flag)
    return excess


def verdicts(
    heard: Listened, streams: Sequence[str], point: OperatingPoint, info: ModelInfo
) -> list[str]:
    """The monitor's verdict after each chunk."""
    decision = SequentialDecision(point, info.min_speech_seconds)
    total = fused_llr(heard, streams, info.min_speech_seconds)
    excess = excess_alone(heard, streams, point, info.min_speech_seconds)
    return [
        decision.update(float(llr), float(seconds), (i + 1) * info.chunk_seconds, float(over))
        for i, (llr, seconds, over) in enumerate(
            zip(total, heard.speech_seconds, excess, strict=True)
        )
    ]


@dataclass(frozen=True)
class FusionStudy:
    """How the thresholds of all evidence came about.

    Attributes:
        human_calls, human_voices, robot_calls: what they rest on.
        flagged_humans, flagged_robots: by operating point and test (:data:`TESTS`, and ``any``),
            the share 0…1 of the calls that it flags.
    """

    human_calls: int
    human_voices: int
    robot_calls: int
    flagged_humans: Mapping[str, Mapping[str, float]]
    flagged_robots: Mapping[str, Mapping[str, float]]


def choose_fused_points(
    humans: Sequence[tuple[StoredCall, Listened]],
    robots: Sequence[tuple[StoredCall, Listened]],
    info: ModelInfo,
    streams: Sequence[str],
    version: str,
    seed: int = 1,
) -> tuple[FusionInfo, FusionStudy]:
    """Thresholds of the union of tests for the usual rates of false flags per call.

    Each test of :data:`TESTS` gets the same share of the rate, so that the union keeps the whole
    however the tests hang together (Bonferroni).

    * ``voice``: as for the voice alone (``thresholds.py``), and never below the voice model's own
      threshold, so that all evidence flags no more people by their voice than the voice alone.
    * ``sum``: :func:`ratio_threshold` of the fused sum.
    * ``replay``: the same of the replayed clip alone, and never below the logarithm of one over
      the share, which a likelihood ratio exceeds by chance no more often than that (Ville, 1939):
      false matches are too rare in a few hundred calls to be counted.

    Args:
        humans: calls of people of ``dev``; what an IVR said before them is left out.
        robots: calls of bots of ``dev``, for the threshold of ``human``.
        info: of the voice model.
        streams: that are on; with replay.
        version: of the file.
        seed: of the bootstrap.

    Raises:
        ValueError: too few human calls.
    """
    needed = info.min_speech_seconds
    # A call without speech can never be flagged; it would only flatter the rate.
    people = [
        (call, heard)
        for call, heard in humans
        if call.truth.prelude != "ivr" and heard.speech_seconds.max(initial=0.0) >= needed
    ]
    if len(people) < LEAST_CALLS:
        raise ValueError(
            f"expected speech in at least {LEAST_CALLS} human calls, got {len(people)}"
        )
    voices = [call.truth.person for call, _ in people]
    peaks = _peaks(people, streams, needed)
    robot_peaks = _peaks(robots, streams, needed)
    troughs = np.array([trough_llr(_sums(h, streams, needed), needed) for _, h in robots])
    troughs = troughs[np.isfinite(troughs)]
    human_llr = float(np.quantile(troughs, ROBOTS_CALLED_HUMAN)) if len(troughs) else -math.inf
    points = []
    flagged: list[dict[str, dict[str, float]]] = [{}, {}]
    for name, per_1000 in RATES.items():
        share = per_1000 / 1000 / len(TESTS)
        own = info.operating_point(name).flag_llr
        voice = max(own, tail_quantile(peaks["voice"], share))
        voice = max(voice, upper_bound(peaks["voice"], voices, share, np.random.default_rng(seed)))
        flags = {"voice": voice}
        for test in ("replay", "sum"):
            rng = np.random.default_rng(seed)
            flags[test] = ratio_threshold(peaks[test], voices, share, rng)
        flags["replay"] = max(flags["replay"], -math.log(share))
        total = flags["sum"]
        clear = total - HYSTERESIS
        alone = {"voice": flags["voice"], "replay": flags["replay"]}
        human = min(human_llr, clear, 0.0)
        points.append(UnionPoint(name, total, clear, human, per_1000, alone))
        for found, kind in zip(flagged, (peaks, robot_peaks), strict=True):
            found[name] = _flagged(kind, flags)
    study = FusionStudy(len(people), len(set(voices)), len(robots), flagged[0], flagged[1])
    fusion = FusionInfo(
        version=version,
        voice_model=voice_model_name(info),
        voice_digest=voice_model_digest(info),
        streams=("voice", *streams),
        operating_points=tuple(points),
        made_of=f"{study.human_calls} simulated dev calls of {study.human_voices} people, "
        f"{study.robot_calls} of bots",
    )
    return fusion, study


def ratio_threshold(
    peaks: NDArray[np.float64], voices: Sequence[str], exceeded: float, rng: np.random.Generator
) -> float:
    """The threshold that a share ``exceeded`` of human calls may pass, for a likelihood ratio.

    Down to :data:`COUNTED` of the calls it is the upper end of a bootstrap over voices. Beyond,
    it rises by the logarithm of how much rarer a flag may be: a calibrated log-likelihood ratio
    has a tail of at most exp(−x) on the calls that it speaks against. A tail fitted to the peaks
    themselves has no hold here: most calls have no match at all, and one or two false matches
    stand far above the rest.

    Args:
        peaks: [human calls] highest held value of each.
        voices: [human calls] voice of each.
        exceeded: share of calls, 0…1.
        rng: of the bootstrap.
    """
    counted = max(exceeded, COUNTED)
    upper = upper_bound(peaks, voices, counted, rng, counted_quantile)
    level = max(counted_quantile(peaks, counted), upper)
    return level + math.log(counted / exceeded)


def _flagged(
    peaks: Mapping[str, NDArray[np.float64]], flags: Mapping[str, float]
) -> dict[str, float]:
    passed = {test: peaks[test] >= flags[test] for test in TESTS}
    passed["any"] = np.logical_or.reduce(list(passed.values()))
    return {test: float(np.mean(hits)) if len(hits) else 0.0 for test, hits in passed.items()}


def _peaks(
    calls: Sequence[tuple[StoredCall, Listened]], streams: Sequence[str], needed: float
) -> dict[str, NDArray[np.float64]]:
    """[calls] highest held value of each test; 0 for the replay of calls without a match."""
    found: dict[str, list[float]] = {test: [] for test in TESTS}
    for _, heard in calls:
        tracks = {
            "voice": heard.voice_llr,
            "replay": heard.evidence["replay"],
            "sum": fused_llr(heard, streams, needed),
        }
        for test, track in tracks.items():
            found[test].append(
                peak_llr(Trajectory(track, heard.speech, heard.speech_seconds), needed)
            )
    return {test: np.array(values) for test, values in found.items()}


def _sums(heard: Listened, streams: Sequence[str], needed: float) -> Trajectory:
    return Trajectory(fused_llr(heard, streams, needed), heard.speech, heard.speech_seconds)

"""Operating points: thresholds for a stated rate of false flags per human call, from ``dev``.

The highest held score of each simulated human call is what a threshold has to stay above. Its
quantile at 1 in 100 calls can nearly be counted; 1 in 1,000 is extrapolated with a generalised
Pareto tail above the 90 % quantile (Pickands, 1975; Coles, *An Introduction to Statistical
Modeling of Extreme Values*, 2001). ``dev`` has few speakers, so the published threshold is the
upper end of a one-sided bootstrap interval over voices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ringtrue.model.contract import OperatingPoint
from ringtrue.training.calibrate import Calibration
from ringtrue.training.calls import peak_llr, trough_llr
from ringtrue.training.human_calls import SimulatedCall, simulate_calls
from ringtrue.training.manifest import Manifest
from ringtrue.training.scoring import OnnxDetector

TAIL_FROM = 0.9
"""Quantile above which the tail is fitted."""
CONFIDENCE = 0.9
"""Share of bootstrap draws that the published threshold covers."""
REPLICATES = 200
ROBOTS_CALLED_HUMAN = 0.05
"""Share of simulated robot calls that may ever be called human."""
HYSTERESIS = 1.5
"""A flag is withdrawn this much below the threshold that raised it, in natural-log units."""
RATES = {"cautious": 1.0, "balanced": 10.0}
"""False flags per 1,000 human calls of each operating point; the first is the default."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ThresholdStudy:
    """How the operating points came about.

    Attributes:
        points: the operating points.
        human_calls, robot_calls, human_voices: what they rest on.
        best_guess: flag threshold of each point without the margin for few voices.
        flagged_humans, flagged_robots: share of the simulated calls that each point flags.
        top_sources: sources of human calls by their highest peak, the worst first.
    """

    points: tuple[OperatingPoint, ...]
    human_calls: int
    robot_calls: int
    human_voices: int
    best_guess: dict[str, float]
    flagged_humans: dict[str, float]
    flagged_robots: dict[str, float]
    top_sources: tuple[tuple[str, float], ...]


def choose_operating_points(
    detector: OnnxDetector,
    manifest: Manifest,
    seed: int = 1,
    calls: int = 400,
    calibration: Calibration | None = None,
    cache: Path | None = None,
) -> ThresholdStudy:
    """Thresholds for :data:`RATES` on simulated calls of ``dev``.

    Args:
        detector: the model, streamed.
        manifest: all splits; only ``dev`` speech is used.
        seed: of the calls and the bootstrap.
        calls: human calls; half as many robot calls.
        calibration: applied to the model's scores, if it is not in its file yet.
        cache: folder that keeps the simulated calls between runs.

    Raises:
        ValueError: ``dev`` lacks a class, or no call held enough speech.
    """
    apply = calibration or Calibration(1.0, 0.0)
    needed = detector.session.info.min_speech_seconds
    peaks: list[float] = []
    human_calls = simulate_calls(manifest, False, calls, seed, cache=cache)
    for trajectory in detector.trajectories([_float(call) for call in human_calls]):
        peaks.append(peak_llr(apply.trajectory(trajectory), needed))
    robot_calls = simulate_calls(manifest, True, max(1, calls // 2), seed, cache=cache)
    robot_heard = [
        apply.trajectory(t) for t in detector.trajectories([_float(call) for call in robot_calls])
    ]
    troughs = np.array([trough_llr(t, needed) for t in robot_heard])
    robot_peaks = np.array([peak_llr(t, needed) for t in robot_heard])
    voices = [call.voice for call in human_calls]
    return study(
        np.array(peaks), voices, [c.source for c in human_calls], robot_peaks, troughs, seed
    )


def study(
    peaks: Array,
    voices: Sequence[str],
    sources: Sequence[str],
    robot_peaks: Array,
    robot_troughs: Array,
    seed: int,
) -> ThresholdStudy:
    """The operating points, from the peaks and troughs of the calls alone.

    Args:
        peaks: [human calls] highest held LLR; −inf where no speech was heard.
        voices, sources: [human calls] voice and source of each.
        robot_peaks, robot_troughs: [robot calls] highest and lowest held LLR.
        seed: of the bootstrap.
    """
    heard = np.isfinite(peaks)
    if np.count_nonzero(heard) < 20:
        raise ValueError(f"expected speech in at least 20 human calls, got {heard.sum()}")
    # A call without speech can never be flagged; it would only flatter the rate.
    kept = peaks[heard]
    named = [voice for voice, ok in zip(voices, heard, strict=True) if ok]
    finite = robot_troughs[np.isfinite(robot_troughs)]
    human_llr = float(np.quantile(finite, ROBOTS_CALLED_HUMAN)) if len(finite) else -math.inf
    points, guesses = [], {}
    for name, per_1000 in RATES.items():
        guess = tail_quantile(kept, per_1000 / 1000)
        upper = upper_bound(kept, named, per_1000 / 1000, np.random.default_rng(seed))
        flag = max(guess, upper)
        clear = flag - HYSTERESIS
        guesses[name] = guess
        points.append(OperatingPoint(name, flag, clear, min(human_llr, clear, 0.0), per_1000))
    worst = {
        source: float(np.max([p for p, s in zip(peaks, sources, strict=True) if s == source]))
        for source in set(sources)
    }
    return ThresholdStudy(
        points=tuple(points),
        human_calls=len(kept),
        robot_calls=len(robot_peaks),
        human_voices=len(set(named)),
        best_guess=guesses,
        flagged_humans={p.name: float(np.mean(kept >= p.flag_llr)) for p in points},
        flagged_robots={p.name: float(np.mean(robot_peaks >= p.flag_llr)) for p in points},
        top_sources=tuple(sorted(worst.items(), key=lambda item: -item[1])),
    )


def tail_quantile(values: ArrayLike, exceeded: float) -> float:
    """The value that a share ``exceeded`` (0…1) of the population lies above.

    Counted where ten values lie above it; beyond that from a generalised Pareto tail, and never
    below what was counted.

    Raises:
        ValueError: ``exceeded`` is not between 0 and 1.
    """
    if not 0 < exceeded < 1:
        raise ValueError(f"expected a share between 0 and 1, got {exceeded}")
    sample = np.asarray(values, np.float64)
    counted = counted_quantile(sample, exceeded)
    if exceeded * len(sample) >= 10 or exceeded >= 1 - TAIL_FROM:
        return counted
    start = float(np.quantile(sample, TAIL_FROM))
    excess = sample[sample > start] - start
    if len(excess) < 5:
        return counted
    shape, scale = _pareto(excess)
    ratio = len(excess) / len(sample) / exceeded
    rise = math.log(ratio) if abs(shape) < 1e-6 else (ratio**shape - 1) / shape
    return max(counted, start + scale * rise)


def counted_quantile(values: Array, exceeded: float) -> float:
    """The value that a share ``exceeded`` (0…1) of ``values`` lies above."""
    return float(np.quantile(values, 1 - exceeded))


def upper_bound(
    values: Array,
    groups: Sequence[str],
    exceeded: float,
    rng: np.random.Generator,
    quantile: Callable[[Array, float], float] = tail_quantile,
) -> float:
    """Upper end of the one-sided interval of a quantile, over groups."""
    names, member = np.unique(np.asarray(groups, str), return_inverse=True)
    rows = [np.flatnonzero(member == i) for i in range(len(names))]
    draws = []
    for _ in range(REPLICATES):
        drawn = rng.integers(len(names), size=len(names))
        draws.append(quantile(values[np.concatenate([rows[i] for i in drawn])], exceeded))
    return float(np.quantile(draws, CONFIDENCE))


def _pareto(excess: Array) -> tuple[float, float]:
    """Shape and scale by probability-weighted moments (Hosking and Wallis, 1987).

    Steadier than maximum likelihood on a few dozen values; the shape is kept to −0.5…0.5, where
    the method is valid.
    """
    ordered = np.sort(excess)
    count = len(ordered)
    mean = float(ordered.mean())
    weighted = float(np.mean(ordered * (count - np.arange(1, count + 1)) / (count - 1)))
    # Equal values, as a bootstrap may draw them, leave nothing.
    rest = mean - 2 * weighted
    shape = float(np.clip(2 - mean / rest, -0.5, 0.5)) if rest > 0 else -0.5
    return shape, mean * (1 - shape)


def _float(call: SimulatedCall) -> NDArray[np.float32]:
    return call.samples.astype(np.float32) / np.float32(32768)

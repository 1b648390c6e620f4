"""The shortcut audit: does the detector listen to the voice, or to what comes with it?

Each test changes trials of both classes, or of one only, in a way that must not help a detector
that listens to the voice. A detector that still separates the classes by the pauses alone, or
whose errors jump when levels, bandwidths or codecs change places, has learnt the recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.channel.presets import codec_only
from ringtrue.training.heard import View
from ringtrue.training.metrics import Estimate, bootstrap_groups, eer, measure
from ringtrue.training.report import AuditRow
from ringtrue.training.scoring import OnnxDetector
from ringtrue.training.trials import Trial, audio_of, speech_of

Samples = NDArray[np.float32]
Mask = NDArray[np.bool_]

SECONDS = 4.0
"""Speech of the trials that are audited, in s."""
MOST_TRIALS = 200
"""Trials of each class that are audited, spread evenly over the view."""
PAUSES, PAUSES_UNDER_SPEECH = "pauses only", "pauses under one utterance"


@dataclass(frozen=True)
class _Case:
    trial: Trial
    samples: Samples
    speech: Mask


def audit(
    detector: OnnxDetector, condition: str, trials: Sequence[Trial], heard: View, seed: int = 0
) -> list[AuditRow]:
    """Every shortcut test on trials of one view.

    ``pauses only`` cuts the speech out, leaves the pauses and takes the mean score; a model whose
    gate hears no speech abstains there, which gives an EER of 50 %. ``pauses under one utterance``
    opens the gate: the pauses are looped under the same human utterance in every trial.

    Raises:
        ValueError: one class is missing.
    """
    cases = [_Case(t, audio_of(t, heard), speech_of(t, heard)) for t in _spread(trials)]
    plain = detector.scores([case.samples for case in cases])
    labels = [case.trial.robot for case in cases]
    rows = []
    for name, change in _tests(cases, np.random.default_rng(seed)).items():
        changed = [change(case) for case in cases]
        kept = [i for i, samples in enumerate(changed) if samples is not None]
        audio = [changed[i] for i in kept]
        trajectories = detector.trajectories([a for a in audio if a is not None])
        mean = name == PAUSES
        scores = [float(t.voice_llr.mean() if mean else t.voice_llr[-1]) for t in trajectories]
        used = [labels[i] for i in kept]
        humans, robots = used.count(False), used.count(True)
        if not humans or not robots:
            continue
        rows.append(
            AuditRow(
                condition=condition,
                test=name,
                seconds=SECONDS,
                humans=humans,
                robots=robots,
                eer=_eer(scores, [cases[i].trial for i in kept], seed),
                plain_eer=eer(plain[kept], used),
            )
        )
    return rows


def _tests(
    cases: Sequence[_Case], rng: np.random.Generator
) -> dict[str, Callable[[_Case], Samples | None]]:
    human = next(case for case in cases if not case.trial.robot)
    utterance = human.samples[human.speech][: 2 * SAMPLE_RATE]
    levels = {
        robot: [_level(c) for c in cases if c.trial.robot == robot] for robot in (True, False)
    }

    def low_passed(robots: bool) -> Callable[[_Case], Samples]:
        filtered = butter(6, 2500, fs=SAMPLE_RATE, output="sos")

        def change(case: _Case) -> Samples:
            if case.trial.robot != robots:
                return case.samples
            return np.asarray(sosfilt(filtered, case.samples), np.float32)

        return change

    def coded(for_robots: str, for_humans: str) -> Callable[[_Case], Samples]:
        codecs = {True: codec_only(for_robots), False: codec_only(for_humans)}
        return lambda case: codecs[case.trial.robot](case.samples, rng)

    def other_level(case: _Case) -> Samples:
        wanted = float(rng.choice(levels[not case.trial.robot]))
        return (case.samples * np.float32(10 ** ((wanted - _level(case)) / 20))).astype(np.float32)

    return {
        PAUSES: _pauses,
        PAUSES_UNDER_SPEECH: lambda case: _under(case, utterance),
        "speech only, pauses silent": lambda case: case.samples * case.speech,
        "levels of the other class": other_level,
        "robots low-passed at 2.5 kHz": low_passed(True),
        "humans low-passed at 2.5 kHz": low_passed(False),
        "robots GSM, humans G.711": coded("gsm", "g711_mulaw"),
        "robots G.711, humans GSM": coded("g711_mulaw", "gsm"),
        "robots AMR 4.75, humans G.711": coded("amr_nb_4750", "g711_mulaw"),
        "robots G.711, humans AMR 4.75": coded("g711_mulaw", "amr_nb_4750"),
    }


def _pauses(case: _Case) -> Samples | None:
    """What is left without the speech; None below 0.3 s."""
    left = case.samples[~case.speech]
    return left if len(left) >= 0.3 * SAMPLE_RATE else None


def _under(case: _Case, utterance: Samples) -> Samples | None:
    """The pauses looped under an utterance 26 dB below full scale, at their own level."""
    left = _pauses(case)
    if left is None:
        return None
    level = np.sqrt(np.mean(np.square(utterance))) or 1.0
    spoken = utterance * np.float32(10 ** (-26 / 20) / level)
    return (np.resize(left, len(spoken)) + spoken).astype(np.float32)


def _level(case: _Case) -> float:
    """Level of the speech in dBFS."""
    active = case.samples[case.speech] if case.speech.any() else case.samples
    return float(10 * np.log10(np.mean(np.square(active, dtype=np.float64)) + 1e-12))


def _spread(trials: Sequence[Trial]) -> list[Trial]:
    chosen = []
    for robot in (False, True):
        of_class = [trial for trial in trials if trial.robot == robot]
        if not of_class:
            raise ValueError("expected trials of both classes to audit, got one")
        count = min(MOST_TRIALS, len(of_class))
        chosen += [of_class[i] for i in np.linspace(0, len(of_class) - 1, count).astype(int)]
    return chosen


def _eer(scores: Sequence[float], trials: Sequence[Trial], seed: int) -> Estimate:
    labels = [trial.robot for trial in trials]
    groups, _ = bootstrap_groups([t.group for t in trials], [t.system for t in trials], labels)
    return measure(scores, labels, groups, 300, np.random.default_rng(seed))["eer"]

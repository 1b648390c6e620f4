"""One evaluation: trials of one split, a streaming model, baselines beside it, one report.

Nothing here chooses anything: thresholds and calibration are in the model file.
"""

from __future__ import annotations

import csv
import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training import audit as shortcut
from ringtrue.training.calls import CallOutcome, calls_of, outcomes, peak_llr, told_llr
from ringtrue.training.heard import HARMONISED, SIMULATED, View, hear, read_clip
from ringtrue.training.manifest import Manifest
from ringtrue.training.metrics import measure
from ringtrue.training.report import AuditRow, CallAuc, CallRow, GainTest, NonspeechRow, Report
from ringtrue.training.scoring import Detector, OnnxDetector
from ringtrue.training.tables import Scored, cells, slices
from ringtrue.training.trials import DURATIONS, Trial, audio_of, plan_trials

log = logging.getLogger(__name__)

SLICED_SECONDS = (4.0, 8.0)
GAIN_TRIALS = 100
GAIN_LEVELS = (-40.0, -10.0)

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Evaluation:
    """A report and the scores behind it, by detector."""

    report: Report
    scores: Mapping[str, Sequence[Scored]]


def evaluate(
    model: OnnxDetector,
    manifest: Manifest,
    split: str,
    cache: Path,
    baselines: Sequence[Detector] = (),
    audit: bool = False,
    seed: int = 1,
    rirs: Path | None = None,
    command: str = "",
) -> Evaluation:
    """Measure a streaming model, and detectors beside it on the same audio.

    Args:
        model: the model; its file holds calibration and thresholds.
        manifest: all splits (``train`` lends noises where ``split`` has none).
        split: ``dev`` or ``eval``.
        cache: folder for processed audio.
        baselines: further detectors for the main tables.
        audit: also run the shortcut audit.
        seed: of the simulated line and the bootstrap.
        rirs: see :func:`ringtrue.training.heard.hear`.
        command: written into the report.

    Raises:
        ValueError: the split holds no speech, a clip cannot be read, or two detectors share a name.
    """
    detectors = (model, *baselines)
    names = tuple(detector.name for detector in detectors)
    if len(set(names)) < len(names):
        raise ValueError(f"expected detectors of different names, got {', '.join(names)}")
    views = hear(manifest, split, cache, seed, rirs)
    planned = {
        name: [t for seconds in DURATIONS for t in plan_trials(name, view, seconds)]
        for name, view in views.items()
    }
    scores = {d.name: score_trials(d, planned, views) for d in detectors}
    calls, call_auc = _calls(model, views, seed)
    report = Report(
        model=model.name,
        version=model.session.info.model_version,
        detectors=names,
        command=command,
        split=split,
        seed=seed,
        manifest_digest=manifest.digest(),
        shared_systems=_shared_systems(manifest, split),
        cells=tuple(cell for name in names for cell in cells(name, scores[name], seed)),
        slices=tuple(
            row for s in SLICED_SECONDS for row in slices(model.name, scores[model.name], s, seed)
        ),
        calls=calls,
        call_auc=call_auc,
        nonspeech=_nonspeech(model, manifest.select(split, ("nonspeech",))),
        gain=_gain(model, planned, views),
        audit=tuple(_audit(model, planned, views, seed)) if audit else (),
    )
    return Evaluation(report, scores)


def score_trials(
    detector: Detector, planned: Mapping[str, Sequence[Trial]], views: Mapping[str, View]
) -> list[Scored]:
    """A detector's score for every planned trial of every view."""
    scored: list[Scored] = []
    for name, trials in planned.items():
        log.info("%s: %s, %d trials", detector.name, name, len(trials))
        values = detector.scores([audio_of(trial, views[name]) for trial in trials])
        scored += [Scored(t, float(v)) for t, v in zip(trials, values, strict=True)]
    return scored


def write_scores(scores: Mapping[str, Sequence[Scored]], path: Path) -> None:
    """One CSV row per detector and trial, for notebooks and other tools."""
    fields = ("id", "view", "seconds", "robot", "label", "group", "source", "system", "language",
              "codec")  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["detector", "score", *fields])
        for detector, items in scores.items():
            for item in items:
                row = dataclasses.asdict(item.trial)
                writer.writerow([detector, f"{item.score:.5f}", *(row[name] for name in fields)])


def _calls(
    model: OnnxDetector, views: Mapping[str, View], seed: int
) -> tuple[tuple[CallRow, ...], tuple[CallAuc, ...]]:
    rows: list[CallRow] = []
    ranked: list[CallAuc] = []
    for name, view in views.items():
        table = outcomes(model, calls_of(name, view), view)
        for point, results in table.items():
            for robots in (False, True):
                of_class = [r for r in results if r.call.robot == robots]
                sources = sorted({r.call.source for r in of_class})
                for source in ("", *sources):
                    chosen = [r for r in of_class if source in ("", r.call.source)]
                    if chosen:
                        rows.append(_call_row(name, point, robots, source, chosen))
        results = next(iter(table.values()))
        labels = [r.call.robot for r in results]
        if len(set(labels)) == 2:
            means, groups = [r.mean_llr for r in results], [r.call.group for r in results]
            found = measure(means, labels, groups, 500, np.random.default_rng(seed))
            ranked.append(CallAuc(name, labels.count(False), labels.count(True), found["auc"]))
    return tuple(rows), tuple(ranked)


def _call_row(
    condition: str, point: str, robots: bool, source: str, results: Sequence[CallOutcome]
) -> CallRow:
    flagged = [r.flagged_speech for r in results if r.flagged]
    median, ninety = np.quantile(flagged, (0.5, 0.9)) if flagged else (math.nan, math.nan)
    hours = sum(r.seconds for r in results) / 3600
    return CallRow(
        condition, point, robots, source, len(results), hours, len(flagged),
        float(median), float(ninety),
    )  # fmt: skip


def _nonspeech(model: OnnxDetector, clips: Manifest) -> tuple[NonspeechRow, ...]:
    if not len(clips):
        return ()
    info = model.session.info
    audio = [read_clip(clips, clip) for clip in clips]
    single = model.trajectories(audio)
    (joined,) = model.trajectories([np.concatenate(audio)])
    needed = info.min_speech_seconds
    tops = [float(told_llr(t, needed, -math.inf).max(initial=-math.inf)) for t in single]
    top = int(np.argmax(tops))
    rows = []
    for point in info.operating_points:
        rows.append(
            NonspeechRow(
                operating_point=point.name,
                clips=len(audio),
                minutes=sum(map(len, audio)) / SAMPLE_RATE / 60,
                flagged=sum(peak_llr(t, needed) >= point.flag_llr for t in single),
                flagged_joined=peak_llr(joined, needed) >= point.flag_llr,
                top_llr=max(tops[top], float(told_llr(joined, needed, -math.inf).max())),
                top_clip=clips.clips[top].id if math.isfinite(tops[top]) else "",
            )
        )
    return tuple(rows)


def _gain(
    model: OnnxDetector, planned: Mapping[str, Sequence[Trial]], views: Mapping[str, View]
) -> GainTest | None:
    """The same trials at two levels (RMS of the whole trial); no clipping between."""
    audio: list[Samples] = []
    for name, trials in planned.items():
        chosen = [t for t in trials if t.seconds == SLICED_SECONDS[0]]
        step = max(1, len(chosen) * len(planned) // GAIN_TRIALS)
        audio += [audio_of(trial, views[name]) for trial in chosen[::step]]
    if not audio:
        return None
    low, high = (model.scores([_at_level(a, level) for a in audio]) for level in GAIN_LEVELS)
    return GainTest(len(audio), *GAIN_LEVELS, float(np.abs(high - low).max()))


def _at_level(samples: Samples, dbfs: float) -> Samples:
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return (samples * np.float32(10 ** (dbfs / 20) / max(rms, 1e-9))).astype(np.float32)


def _audit(
    model: OnnxDetector,
    planned: Mapping[str, Sequence[Trial]],
    views: Mapping[str, View],
    seed: int,
) -> list[AuditRow]:
    rows = []
    for name in (HARMONISED, SIMULATED):
        chosen = [trial for trial in planned[name] if trial.seconds == shortcut.SECONDS]
        if len({trial.robot for trial in chosen}) == 2:
            log.info("audit: %s", name)
            rows += shortcut.audit(model, name, chosen, views[name], seed)
    return rows


def _shared_systems(manifest: Manifest, split: str) -> tuple[str, ...]:
    def systems(inside: bool) -> set[str]:
        return {c.system for c in manifest if c.is_robot and (c.split == split) == inside}

    return tuple(sorted((systems(True) & systems(False)) - {""}))

"""The ablation table: what each kind of evidence adds, by kind of caller."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ringtrue.training.callsim.outcome import LEAVE_SECONDS, REPEATED, Outcome
from ringtrue.training.metrics import Estimate

LEVELS: Mapping[str, tuple[str, ...]] = {
    "voice": (),
    "+ replay": ("replay",),
    "+ timing": ("replay", "timing"),
    "+ floor": ("replay", "timing", "floor"),
    "+ bank": ("replay", "timing", "floor"),
}
"""Columns of the table and the streams that are on beside the voice."""
BANKED = "+ bank"
"""The column whose replay evidence has a prompt bank of the set's earlier calls."""
REPLICATES = 1000


@dataclass(frozen=True)
class AblationRow:
    """Calls of one kind of caller at one operating point with some evidence.

    Attributes:
        evidence: key of :data:`LEVELS`.
        operating_point: its name.
        caller: kind of caller.
        calls, voices, hours: how many.
        flagged: share of calls flagged, with a 95 % bootstrap interval over voices.
        count: flagged calls.
        per_hour: flags per hour of call.
        at_median, at_90: s of the call until the flag, over flagged calls; NaN without any.
        speech_median, speech_90: s of the caller's speech until then.
        handovers: calls whose verdict was ``robot`` when a person took over.
        left_in_speech: share of them that left it within 10 s of the person's speech.
        left_in_time: share that left it within 10 s of the call.
    """

    evidence: str
    operating_point: str
    caller: str
    calls: int
    voices: int
    hours: float
    flagged: Estimate
    count: int
    per_hour: float
    at_median: float
    at_90: float
    speech_median: float
    speech_90: float
    handovers: int = 0
    left_in_speech: Estimate | None = None
    left_in_time: Estimate | None = None


@dataclass(frozen=True)
class AblationReport:
    """The whole table and where it comes from.

    Attributes:
        model: voice model and version.
        sets: names of the folders, with their split and seed.
        streams: versions of the evidence models.
        thresholds: of the voice alone and of all evidence (flag, clear, human), and of the streams
            that also flag alone (flag, clear).
        command: that wrote it.
        rows: the table.
        reasons: an example of a reason by stream.
    """

    model: str
    sets: tuple[str, ...]
    streams: Mapping[str, str]
    thresholds: Mapping[str, tuple[float, ...]]
    command: str
    rows: tuple[AblationRow, ...]
    reasons: Mapping[str, str]


def ablation_row(
    evidence: str, point: str, caller: str, outcomes: Sequence[Outcome], seed: int
) -> AblationRow:
    """One row from the outcomes of its calls."""
    rng = np.random.default_rng(seed)
    voices = [o.voice for o in outcomes]
    flags = [o for o in outcomes if o.flagged]
    at = _quantiles([o.flagged_at for o in flags])
    speech = _quantiles([o.flagged_speech for o in flags])
    hours = sum(o.hours for o in outcomes)
    over = [o for o in outcomes if o.robot_at_handover]
    names = [o.voice for o in over]
    return AblationRow(
        evidence=evidence,
        operating_point=point,
        caller=caller,
        calls=len(outcomes),
        voices=len(set(voices)),
        hours=hours,
        flagged=share([o.flagged for o in outcomes], voices, rng),
        count=len(flags),
        per_hour=len(flags) / hours if hours else math.nan,
        at_median=at[0],
        at_90=at[1],
        speech_median=speech[0],
        speech_90=speech[1],
        handovers=len(over),
        left_in_speech=share([o.left_after_speech <= LEAVE_SECONDS for o in over], names, rng)
        if over
        else None,
        left_in_time=share([o.left_after <= LEAVE_SECONDS for o in over], names, rng)
        if over
        else None,
    )


def share(hits: Sequence[bool], groups: Sequence[str], rng: np.random.Generator) -> Estimate:
    """A share 0…1 with its 95 % percentile bootstrap interval over whole groups."""
    value = float(np.mean(hits))
    names, member = np.unique(np.asarray(groups, str), return_inverse=True)
    total = np.bincount(member)
    hit = np.bincount(member, np.asarray(hits, float))
    drawn = rng.integers(len(names), size=(REPLICATES, len(names)))
    draws = hit[drawn].sum(axis=1) / total[drawn].sum(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, float(low), float(high))


def write_ablation(report: AblationReport, folder: Path) -> None:
    """``report.json`` and ``report.md`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_finite(asdict(report)), indent=1, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(ablation_markdown(report), encoding="utf-8")


def ablation_markdown(report: AblationReport) -> str:
    """The report as text for people."""
    lines = [
        "# Simulated calls: what each kind of evidence adds",
        "",
        "; ".join(
            [
                f"Voice model {report.model}",
                *(f"{name} {version}" for name, version in report.streams.items()),
                f"sets {', '.join(report.sets)}.",
            ]
        ),
        f"Command: `{report.command}`.",
        "",
        "Brackets are 95 % bootstrap intervals over voices. None flagged in n calls means, with",
        "95 % confidence, a rate below 3/n per call of the voices that were heard. Flags of",
        "handover calls are those before the person. Voicemail is a recorded person: neither right",
        "nor wrong. The bank holds the prompts of the bots of the set's earlier calls.",
        "",
        "| thresholds | robot from | until | human to |",
        "|---|---|---|---|",
    ]
    for name, figures in report.thresholds.items():
        told = [*(f"{figure:.2f}" for figure in figures), "", ""][:3]
        lines.append(f"| {name} | {' | '.join(told)} |")
    for point in dict.fromkeys(row.operating_point for row in report.rows):
        lines += ["", f"## {point}", "", "| caller | calls (voices) | " + " | ".join(LEVELS) + " |"]
        lines.append("|---|---|" + "---|" * len(LEVELS))
        rows = [row for row in report.rows if row.operating_point == point]
        for caller in dict.fromkeys(row.caller for row in rows):
            cells = {row.evidence: row for row in rows if row.caller == caller}
            first = next(iter(cells.values()))
            lines.append(
                f"| {caller} | {first.calls} ({first.voices}) | "
                + " | ".join(_flagged(cells[level]) if level in cells else "" for level in LEVELS)
                + " |"
            )
        lines += ["", *_times(rows), "", *_people(rows), *_handover(rows)]
    if report.reasons:
        lines += ["", "Reasons, for example:", ""]
        lines += [f"- {reason}" for reason in report.reasons.values()]
    return "\n".join(lines) + "\n"


def _flagged(row: AblationRow) -> str:
    return f"{_percent(row.flagged)} ({row.count})"


def _percent(value: Estimate) -> str:
    return f"{100 * value.value:.1f} % [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def _times(rows: Sequence[AblationRow]) -> list[str]:
    lines = [
        "| time to the flag, median (90 %) | evidence | s of the call | s of the caller's speech |",
        "|---|---|---|---|",
    ]
    for row in rows:
        if row.count and row.caller in ("tts", "scripted", REPEATED, "handover"):
            lines.append(
                f"| {row.caller} | {row.evidence} | {row.at_median:.0f} ({row.at_90:.0f}) | "
                f"{row.speech_median:.0f} ({row.speech_90:.0f}) |"
            )
    return lines if len(lines) > 2 else []


def _people(rows: Sequence[AblationRow]) -> list[str]:
    return [
        f"- people, {row.evidence}: {1000 * row.count / row.calls:.1f} false flags "
        f"per 1,000 calls, {row.per_hour:.2f} per hour "
        f"({row.count} in {row.calls} calls, {row.hours:.1f} h)."
        for row in rows
        if row.caller == "human"
    ]


def _handover(rows: Sequence[AblationRow]) -> list[str]:
    found = []
    for row in rows:
        if row.left_in_speech is not None and row.left_in_time is not None:
            found.append(
                f"- handover, {row.evidence}: of {row.handovers} calls that were `robot` when the "
                f"person began, {_percent(row.left_in_speech)} left it within 10 s of the person's "
                f"speech, {_percent(row.left_in_time)} within 10 s of the call."
            )
    return found


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return math.nan, math.nan
    median, ninety = np.quantile(values, (0.5, 0.9))
    return float(median), float(ninety)


def _finite(value: object) -> object:
    """NaN and infinity as null, for JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value

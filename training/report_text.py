"""The report in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ringtrue.training.heard import HARMONISED, RECORDED, SIMULATED
from ringtrue.training.metrics import Estimate
from ringtrue.training.report import AuditRow, Report
from ringtrue.training.tables import KINDS, POOLED, worst

CONDITION_TEXT = {
    HARMONISED: "real phone recordings, harmonised (300-3400 Hz, -26 dBFS, mu-law)",
    RECORDED: "real phone recordings as recorded",
    SIMULATED: "studio clips through the seeded simulated phone line",
    POOLED: "harmonised phone recordings and simulated line together",
}
HEADLINE_SECONDS = 4.0
SMALL = 30


def markdown(report: Report, pictures: Sequence[str] = ()) -> str:
    """The whole report; ``pictures`` are file names beside it."""
    sections = [
        _head(report),
        *(_condition(report, name) for name in report.conditions()),
        _beside(report),
        _calls(report),
        _nonspeech(report),
        _worst(report),
        _audit(report.audit),
        _slices(report),
        _pictures(pictures),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def percent(value: float, digits: int = 1) -> str:
    """A share as a percentage, or an en dash for NaN."""
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else "–"


def estimate(value: Estimate, share: bool = True) -> str:
    """A value with its interval in brackets where there is one."""

    def show(x: float) -> str:
        return f"{100 * x:.1f}" if share else f"{x:.2f}"

    if not math.isfinite(value.value):
        return "–"
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return show(value.value)
    return f"{show(value.value)} [{show(value.low)}, {show(value.high)}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def number(value: float, digits: int = 2) -> str:
    """A number, or an en dash for NaN and infinities."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _head(report: Report) -> str:
    shared = ", ".join(report.shared_systems) or "none"
    return f"""# Evaluation of {report.model} {report.version} on `{report.split}`

Produced by `{report.command or "ringtrue evaluate"}`. Manifest {report.manifest_digest[:16]}, \
seed {report.seed}.

Scores are natural-log likelihood ratios; positive means robot. A trial holds the stated seconds of
speech, counted by silero-vad on the clean clips. Brackets are 95 % bootstrap intervals. DCF uses a
robot prior of 0.05, cost 1 for a flagged human and 10 for a missed robot, normalised; below 1 is
better than a constant decision. Synthesizers of this split that also occur in another by name:
{shared}."""


def _condition(report: Report, name: str) -> str:
    rows = []
    resampled = ""
    for seconds in report.seconds():
        cell = report.cell(name, seconds)
        if cell is None:
            continue
        m, resampled = cell.metrics, cell.resampled
        few = " (few)" if min(cell.humans, cell.robots) < SMALL else ""
        rows.append(
            [
                f"{seconds:g} s",
                f"{cell.humans} / {cell.robots}{few}",
                estimate(m["eer"]),
                estimate(m["auc"], share=False),
                estimate(m["tpr_at_1"]),
                estimate(m["tpr_at_01"]),
                estimate(m["min_dcf"], share=False),
                estimate(m["act_dcf"], share=False),
                estimate(m["cllr"], share=False),
                number(m["min_cllr"].value),
            ]
        )
    head = ["speech", "humans / robots", "EER %", "AUC", "TPR at 1 % FPR", "TPR at 0.1 % FPR",
            "minDCF", "actDCF", "Cllr", "min Cllr"]  # fmt: skip
    title = CONDITION_TEXT.get(name, name)
    return f"## {name}\n\n{title}. Intervals over {resampled}.\n\n{table(head, rows)}"


def _beside(report: Report) -> str:
    if len(report.detectors) < 2:
        return ""
    seconds = report.seconds()
    rows = []
    for condition in report.conditions():
        for detector in report.detectors:
            found = [report.cell(condition, s, detector) for s in seconds]
            rows.append(
                [condition, detector, *(estimate(c.metrics["eer"]) if c else "–" for c in found)]
            )
    head = ["condition", "detector", *(f"EER % at {s:g} s" for s in seconds)]
    return f"## Side by side\n\nSame trials, same run.\n\n{table(head, rows)}"


def _calls(report: Report) -> str:
    if not report.calls:
        return ""
    rows = []
    for row in report.calls:
        per_hour = row.flagged / row.hours if row.hours else math.nan
        rows.append(
            [
                row.condition,
                row.operating_point,
                "robots" if row.robots else "humans",
                row.source or "**all**",
                str(row.calls),
                f"{row.flagged} ({percent(row.flagged / row.calls)})",
                "–" if row.robots else number(per_hour),
                number(row.speech_to_flag_median, 1),
                number(row.speech_to_flag_90, 1),
            ]
        )
    head = ["condition", "operating point", "class", "source", "calls", "flagged",
            "false flags per hour", "median s of speech to the flag", "90 %"]  # fmt: skip
    ranks = "\n".join(
        f"- {c.condition}: AUC {estimate(c.auc, share=False)} of the mean score of whole calls "
        f"({c.humans} human, {c.robots} robot)"
        for c in report.call_auc
    )
    return f"""## Whole calls

Every recording as one call; studio clips of one voice joined to calls of up to 60 s. Flagged by the
decision of the call monitor.

{ranks}

{table(head, rows)}"""


def _nonspeech(report: Report) -> str:
    parts = []
    if report.nonspeech:
        rows = [
            [
                row.operating_point,
                f"{row.clips} ({row.minutes:.1f} min)",
                str(row.flagged),
                "yes" if row.flagged_joined else "no",
                number(row.top_llr) if math.isfinite(row.top_llr) else "never enough speech heard",
                row.top_clip or "–",
            ]
            for row in report.nonspeech
        ]
        head = ["operating point", "clips", "flagged", "flagged when joined to one call",
                "highest voice_llr", "by clip"]  # fmt: skip
        parts.append(f"## Music, tones and noise\n\n{table(head, rows)}")
    if report.gain is not None:
        gain = report.gain
        parts.append(
            f"## Level\n\nThe same {gain.trials} trials at {gain.low_dbfs:g} and "
            f"{gain.high_dbfs:g} dBFS: voice_llr differs by at most {gain.largest_change:.4f}."
        )
    return "\n\n".join(parts)


def _worst(report: Report) -> str:
    lines = []
    for condition in report.conditions():
        of_duration = [s for s in report.slices if s.seconds == HEADLINE_SECONDS]
        for kind in KINDS:
            row = worst(of_duration, condition, kind)
            if row is not None:
                lines.append(
                    f"- {condition}, {kind}: **{row.name}**, EER {estimate(row.eer)} % against "
                    f"{row.against} ({row.own} trials)"
                )
    if not lines:
        return ""
    return f"## Worst groups at {HEADLINE_SECONDS:g} s\n\nOf at least 10 trials.\n\n" + "\n".join(
        lines
    )


def _audit(rows: Sequence[AuditRow]) -> str:
    if not rows:
        return ""
    cells = [
        [
            row.condition,
            row.test,
            f"{row.humans} / {row.robots}",
            estimate(row.eer),
            percent(row.plain_eer).removesuffix(" %"),
            f"{100 * (row.eer.value - row.plain_eer):+.1f}",
        ]
        for row in rows
    ]
    head = ["condition", "test", "humans / robots", "EER %", "untouched", "change"]
    return f"""## Shortcut audit

At {rows[0].seconds:g} s of speech. `pauses only` and `pauses under one utterance` should stay near
50 %: below, the pauses give the class away. The others should stay near the untouched EER of the
same trials. Each changes one thing, in both directions: a detector of that thing gains in one
direction and loses in the other.

{worst_of_audit(rows)}

{table(head, cells)}"""


def worst_of_audit(rows: Sequence[AuditRow]) -> str:
    """The most telling test in words: pauses that separate, and the largest change."""
    pauses = [row for row in rows if row.test.startswith("pauses")]
    others = [row for row in rows if not row.test.startswith("pauses")]
    lines = []
    if pauses:
        low = min(pauses, key=lambda row: row.eer.value)
        separates = math.isfinite(low.eer.high) and low.eer.high < 0.5
        said = "the pauses alone separate the classes" if separates else "within chance"
        lines.append(
            f"Pauses, worst: {low.test}, {low.condition}: EER {estimate(low.eer)} %, {said}."
        )
    if others:
        far = max(others, key=lambda row: abs(row.eer.value - row.plain_eer))
        lines.append(
            f"Swaps, worst: {far.test}, {far.condition}: EER {percent(far.eer.value)} "
            f"from {percent(far.plain_eer)}."
        )
    return "  \n".join(lines)


def _slices(report: Report) -> str:
    parts = []
    for seconds in sorted({row.seconds for row in report.slices}):
        for kind in KINDS:
            rows = [
                [
                    row.condition,
                    row.name,
                    row.against,
                    f"{row.humans} / {row.robots}",
                    estimate(row.eer),
                    estimate(row.auc, share=False),
                    number(row.mean_human),
                    number(row.mean_robot),
                ]
                for row in report.slices
                if row.seconds == seconds and row.kind == kind
            ]
            if rows:
                head = ["condition", kind, "against", "humans / robots", "EER %", "AUC",
                        "mean LLR humans", "mean LLR robots"]  # fmt: skip
                parts.append(f"## By {kind} at {seconds:g} s\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _pictures(names: Sequence[str]) -> str:
    if not names:
        return ""
    return "## Pictures\n\n" + "\n\n".join(f"![{name}]({name})" for name in names)

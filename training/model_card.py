"""MODEL_CARD.md from measurements: nothing in it is typed by hand but the words around them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringtrue.model.contract import ModelInfo
from ringtrue.training.heard import HARMONISED, RECORDED, SIMULATED
from ringtrue.training.manifest import Manifest
from ringtrue.training.manifest_summary import SummaryRow, summary
from ringtrue.training.recipe import Recipe
from ringtrue.training.report import CallRow, Report
from ringtrue.training.report_text import (
    HEADLINE_SECONDS,
    SMALL,
    estimate,
    number,
    percent,
    table,
    worst_of_audit,
)
from ringtrue.training.tables import Slice

WORST_SHOWN = 5


@dataclass(frozen=True)
class CardInput:
    """What a card is made of.

    Attributes:
        info: metadata of the model file.
        file_name, file_bytes: of the model file.
        recipe: what trained it.
        training: the clips it was trained on.
        licences: licence by source, where known (see :func:`read_licences`).
        report: evaluation on ``eval``.
        has_recipes_network: whether the network's weights are those that the recipe names
            (``network``); None where that is not known.
    """

    info: ModelInfo
    file_name: str
    file_bytes: int
    recipe: Recipe
    training: Manifest
    licences: Mapping[str, str]
    report: Report
    has_recipes_network: bool | None = None


def read_licences(manifest_path: Path) -> dict[str, str]:
    """Licence of each source from ``sources.jsonl`` beside a manifest; empty without the file.

    Raises:
        ValueError: a line is not a JSON object with source and licence.
    """
    path = manifest_path.with_name("sources.jsonl")
    if not path.exists():
        return {}
    licences = {}
    for number_, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            licences[str(row["source"])] = str(row["licence"])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{path.name}: line {number_}: {error}") from error
    return licences


def model_card(card: CardInput) -> str:
    """The card in Markdown.

    Raises:
        ValueError: the report was not made on split ``eval`` or is of another model, or the
            training clips are not those that the model's digest names.
    """
    if card.report.split != "eval":
        raise ValueError(f"expected a report of split eval, got {card.report.split}")
    measured = f"{card.report.model} {card.report.version}"
    if measured != f"{card.info.model_name} {card.info.model_version}":
        raise ValueError(
            f"expected a report of {card.info.model_name} {card.info.model_version}, got one of "
            f"{measured}"
        )
    if card.training.digest() != card.info.training_data_digest:
        raise ValueError(
            "expected the clips the model was trained on "
            f"({card.info.training_data_digest[:16]}), got {card.training.digest()[:16]}"
        )
    sections = (
        _head(card),
        _use(card.info),
        _operating_points(card),
        _results(card.report),
        _failures(card.report),
        _data(card),
        _origin(card),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(card: CardInput) -> str:
    info = card.info
    return f"""# {info.model_name} {info.model_version}

Says while a call runs whether the far end is a synthetic voice (text to speech, vocoded or
converted speech) or a person. Streaming ONNX, contract v{info.contract_version}: \
{info.chunk_samples} samples at
{info.sample_rate} Hz per call, {info.state_size} state values, frontend `{info.frontend}`,
{card.file_bytes / 1e6:.2f} MB (`{card.file_name}`). Licence of the weights: {info.licence}."""


def _use(info: ModelInfo) -> str:
    return f"""## Intended use and reading the score

Advice to the person on the call, or to an analyst sorting recordings. **A verdict is never grounds
for blocking or hanging up by itself**: people with unusual voices, devices or lines are flagged
too, at the rates below, and rates for groups that were not measured are unknown.

{info.polarity}. It is 0 before any speech, and rests on about the last
{info.memory_seconds:g} s of speech. Add the logarithm of the prior odds to get the odds of a robot:
at 1 robot in 20 calls (−2.94), a voice_llr of 2.94 means even odds. No verdict is given before
{info.min_speech_seconds:g} s of speech.

The network hears voice quality only. A bot that plays recordings of a real person sounds human to
it."""


def _operating_points(card: CardInput) -> str:
    rows = []
    for point in card.info.operating_points:
        measured = {
            (condition, robots): _all_calls(card.report, condition, point.name, robots)
            for condition in (HARMONISED, SIMULATED)
            for robots in (False, True)
        }
        rows.append(
            [
                point.name,
                f"{point.flag_llr:.2f} / {point.clear_llr:.2f} / {point.human_llr:.2f}",
                f"{point.false_flags_per_1000_calls:g} in 1,000",
                *(_flagged(row) for row in measured.values()),
            ]
        )
    head = ["operating point", "flag / clear / human", "chosen for (simulated dev calls)",
            "human recordings flagged", "robot recordings flagged",
            "simulated human calls flagged", "simulated robot calls flagged"]  # fmt: skip
    times = [
        f"- {row.operating_point}, {row.condition}: {number(row.speech_to_flag_median, 1)} s of "
        f"speech to the flag in the median, {number(row.speech_to_flag_90, 1)} s for 90 % of the "
        "flagged robots"
        for row in card.report.calls
        if row.robots and not row.source and row.condition in (HARMONISED, SIMULATED)
    ]
    return f"## Operating points\n\n{table(head, rows)}\n\n" + "\n".join(times)


def _all_calls(report: Report, condition: str, point: str, robots: bool) -> CallRow | None:
    for row in report.calls:
        if (row.condition, row.operating_point, row.robots, row.source) == (
            condition, point, robots, "",
        ):  # fmt: skip
            return row
    return None


def _flagged(row: CallRow | None) -> str:
    if row is None:
        return "–"
    return f"{row.flagged} of {row.calls} ({percent(row.flagged / row.calls)})"


def _results(report: Report) -> str:
    rows = []
    for condition in (HARMONISED, RECORDED, SIMULATED):
        for seconds in report.seconds():
            cell = report.cell(condition, seconds)
            if cell is None:
                continue
            few = " (few)" if min(cell.humans, cell.robots) < SMALL else ""
            m = cell.metrics
            rows.append(
                [
                    condition,
                    f"{seconds:g} s",
                    f"{cell.humans} / {cell.robots}{few}",
                    estimate(m["eer"]),
                    estimate(m["auc"], share=False),
                    estimate(m["tpr_at_1"]),
                    estimate(m["cllr"], share=False),
                ]
            )
    head = ["condition", "speech", "humans / robots", "EER %", "AUC", "TPR at 1 % FPR", "Cllr"]
    parts = [
        "## Measured on `eval`\n\nSources, speakers and headline synthesizers that training never "
        "saw; brackets are 95 % bootstrap intervals. Synthesizers of `eval` whose name also occurs "
        f"in another split: {', '.join(report.shared_systems) or 'none'}.\n\n{table(head, rows)}"
    ]
    if len(report.detectors) > 1:
        rows = [
            [detector, condition, *_eers(report, condition, detector)]
            for condition in (HARMONISED, SIMULATED)
            for detector in report.detectors
        ]
        head = ["detector", "condition", *(f"EER % at {s:g} s" for s in report.seconds())]
        parts.append(f"Classical baselines on the same trials:\n\n{table(head, rows)}")
    for row in report.nonspeech:
        told = number(row.top_llr) if row.top_clip else "none, too little was taken for speech"
        parts.append(
            f"Music, tones and noise at `{row.operating_point}`: {row.flagged} of {row.clips} "
            f"clips ({row.minutes:.0f} minutes) flagged; highest voice_llr {told}."
        )
    if report.gain is not None:
        parts.append(
            f"Level: voice_llr changes by at most {report.gain.largest_change:.4f} between "
            f"{report.gain.low_dbfs:g} and {report.gain.high_dbfs:g} dBFS "
            f"({report.gain.trials} trials)."
        )
    return "\n\n".join(parts)


def _eers(report: Report, condition: str, detector: str) -> list[str]:
    cells = (report.cell(condition, seconds, detector) for seconds in report.seconds())
    return [estimate(cell.metrics["eer"]) if cell else "–" for cell in cells]


def _failures(report: Report) -> str:
    lines = []
    for kind in ("system", "source", "language"):
        rows = [
            row
            for row in report.slices
            if row.kind == kind
            and row.seconds == HEADLINE_SECONDS
            and row.own >= 10
            and row.condition != RECORDED
        ]
        rows.sort(key=lambda row: -row.eer.value)
        if rows:
            named = "; ".join(_slice(row) for row in rows[:WORST_SHOWN])
            lines.append(f"- worst by {kind}: {named}")
    flagged = [row for row in report.calls if row.flagged and not row.robots and row.source]
    for row in flagged:
        lines.append(
            f"- humans flagged at `{row.operating_point}`: {row.source}, {row.condition}, "
            f"{_flagged(row)}"
        )
    text = (
        f"## Known failure cases\n\nAt {HEADLINE_SECONDS:g} s of speech, groups of at least 10 "
        "trials.\n\n" + "\n".join(lines)
    )
    if report.audit:
        text += f"\n\nShortcut audit. {worst_of_audit(report.audit)}"
    return text


def _slice(row: Slice) -> str:
    return f"{row.name} ({row.condition}, EER {estimate(row.eer)} % against {row.against})"


def _data(card: CardInput) -> str:
    recipe, rows = card.recipe, summary(card.training)
    rule = (
        "Only sources whose licence allows commercial use (`commercial_ok`)."
        if recipe.data.commercial_only
        else "All sources, whatever their licence; these weights must not be released."
    )
    excluded = ", ".join(recipe.data.exclude_sources) or "none"
    sources = [
        [row.name, _hours(row), str(row.clips), card.licences.get(row.name, "see the corpus")]
        for row in rows
        if row.kind == "source"
    ]
    return f"""## Training data

{card.training.hours:.1f} hours. {rule} Sources left out by the recipe: {excluded}.
Digest of the rows: `{card.info.training_data_digest}`.

By label: {_listed(rows, "label")}.
By language: {_listed(rows, "language")}.

{table(["source", "hours", "clips", "licence"], sources)}"""


def _listed(rows: Sequence[SummaryRow], kind: str) -> str:
    return ", ".join(f"{row.name} {row.hours:.2f} h" for row in rows if row.kind == kind)


def _hours(row: SummaryRow) -> str:
    return f"{row.hours:.2f}"


def _origin(card: CardInput) -> str:
    name, report = card.recipe.name, card.report
    start = f" --initial {card.recipe.initial}" if card.recipe.initial else ""
    baselines = (d for d in report.detectors if d != report.model)
    network, note = f"runs/{name}/best.ckpt", ""
    if card.recipe.network and card.has_recipes_network is not False:
        steps = [f"ringtrue cache {name} --manifest MANIFEST"]
        network = card.recipe.network
        if card.has_recipes_network is None:
            network = "NETWORK"
            note = (
                "\n\nNETWORK: the checkpoint of the network. Its origin is not known, since the "
                "checkpoints to compare were not there when this card was rendered."
            )
    else:
        steps = [f"ringtrue train {name} --manifest MANIFEST{start}"]
    steps += [f"ringtrue train {baseline} --manifest MANIFEST" for baseline in baselines]
    trained = "best.ckpt"
    fit = "fit-mixture" if card.recipe.mixture.components else ""
    fit = "fit-frames" if card.recipe.frame_net.hidden else fit
    if fit:
        trained = "final.ckpt"
        steps.append(
            f"ringtrue {fit} {network} --manifest MANIFEST --recipe {name} "
            f"--out runs/{name}/{trained}"
        )
    train = "\n".join(steps)
    return f"""## How the figures were made

```
{train}
ringtrue export runs/{name}/{trained} --manifest MANIFEST --recipe {name}
{report.command}
ringtrue model-card report.json {card.file_name} --manifest MANIFEST --recipe {name}
```{note}

Calibration and thresholds come from `dev` (inside `ringtrue export`); `eval` was only measured.
Manifest of the evaluation: `{report.manifest_digest}`, seed {report.seed}. This card was rendered
from report.json by the last command."""

"""``ringtrue evaluate-calls``: the ablation table on simulated calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.call_options import Evidence, ListenCache, NetworkFile, newest
from ringtrue.training.commands.options import Workers


def evaluate_calls(
    sets: Annotated[
        list[Path],
        typer.Argument(help="Sets that simulate-calls wrote.", exists=True, file_okay=False),
    ],
    model: NetworkFile = None,
    evidence: Evidence = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("runs/calls"),
    cache: ListenCache = Path("runs/cache/listened"),
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 1,
    workers: Workers = 1,
) -> None:
    """Measure the call decision on simulated calls: voice, + replay, + timing, + floor, + bank.

    Writes report.md and report.json: share of calls flagged by kind of caller at each operating
    point, with bootstrap intervals over voices; false flags per 1,000 calls of people and per hour;
    time and speech until the flag; how fast the verdict leaves 'robot' when a person takes over.

    Example: ringtrue evaluate-calls runs/calls-eval --model model.onnx --workers 2

    Exit code 0, or 1 when a set cannot be read.
    """
    from rich.progress import track

    from ringtrue.inference.fusion import fused_point, read_fusion
    from ringtrue.inference.session import Session
    from ringtrue.training.callsim.ablation import (
        BANKED,
        LEVELS,
        AblationReport,
        ablation_markdown,
        ablation_row,
        write_ablation,
    )
    from ringtrue.training.callsim.banked import through_bank
    from ringtrue.training.callsim.calls_on_disk import read_set
    from ringtrue.training.callsim.listening import listen
    from ringtrue.training.callsim.outcome import by_caller, outcome
    from ringtrue.training.callsim.streams import stream_maker, stream_versions

    info = Session(model).info
    fused = newest(evidence, "ringtrue-fusion-*.json")
    fusion = read_fusion(fused) if fused else None
    calls = [call for path in sets for call in read_set(path)]
    heard = list(listen(calls, model, stream_maker(evidence), workers, cache))
    banked = list(through_bank(track(heard, description="with a bank")))
    rows = []
    thresholds: dict[str, tuple[float, ...]] = {}
    for own in info.operating_points:
        together = fused_point(info, own.name, fusion)
        for label, point in ((f"{own.name}, voice", own), (f"{own.name}, all", together)):
            thresholds[label] = (point.flag_llr, point.clear_llr, point.human_llr)
        hysteresis = together.flag_llr - together.clear_llr
        for name, flag in together.alone.items():
            thresholds[f"{own.name}, all: {name} alone"] = (flag, flag - hysteresis)
        for level, streams in LEVELS.items():
            point = together if streams else own
            told = banked if level == BANKED else heard
            found = [outcome(call, h, streams, point, info) for call, h in told]
            for caller, members in by_caller(found).items():
                rows.append(ablation_row(level, own.name, caller, members, seed))
    reasons: dict[str, str] = {}
    for call, listened in heard:
        if call.truth.robot:
            reasons.update({k: v for k, v in listened.reasons.items() if k not in reasons})
    named = " ".join(path.name for path in sets)
    report = AblationReport(
        model=f"{info.model_name} {info.model_version}",
        sets=tuple(sorted({f"{c.folder.name} (split {c.truth.split})" for c in calls})),
        streams=stream_versions(evidence),
        thresholds=thresholds,
        command=f"ringtrue evaluate-calls {named}"
        + (f" --model {model.name}" if model else "")
        + (f" --evidence {evidence.name}" if evidence else "")
        + f" --seed {seed}",
        rows=tuple(rows),
        reasons=reasons,
    )
    write_ablation(report, out)
    typer.echo(ablation_markdown(report))
    typer.echo(f"report: {out / 'report.md'}")

"""``ringtrue evaluate``: measure a model on a split and write a report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import (
    DEFAULT_CACHE,
    CacheFolder,
    ManifestPath,
    RirFolder,
)

ModelFile = Annotated[
    Path, typer.Argument(help="Model: an ONNX file of contract v1.", exists=True, dir_okay=False)
]


class MeasuredSplit(StrEnum):
    """Splits that may be measured."""

    DEV = "dev"
    EVAL = "eval"


def evaluate(
    model: ModelFile,
    manifest: ManifestPath,
    split: Annotated[
        MeasuredSplit, typer.Option(help="dev to choose with, eval to measure only.")
    ] = MeasuredSplit.DEV,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report; default: runs/evaluate-<split>.")
    ] = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            help="A trained baseline (.joblib) to measure beside the model. Repeatable.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Also test for shortcuts: pauses, levels, codecs.")
    ] = False,
    cache: CacheFolder = DEFAULT_CACHE,
    rirs: RirFolder = None,
    seed: Annotated[int, typer.Option(help="Of the simulated line and the bootstrap.")] = 1,
) -> None:
    """Measure MODEL and write report.md, report.json, scores.csv and pictures.

    Studio clips go once through a seeded simulated phone line; phone recordings are harmonised, and
    measured as recorded beside it. Error rates come with 95 % intervals at 1, 2, 4, 8 and 16 s of
    speech, per language, system, source and codec, over whole calls, and on music and noise.

    Example: ringtrue evaluate model.onnx --manifest corpus/manifest.jsonl --split eval --audit
    """
    from ringtrue.inference.session import Session
    from ringtrue.training import evaluate as evaluation
    from ringtrue.training.baselines.detector import load_baseline
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.plots import draw
    from ringtrue.training.report import write_report
    from ringtrue.training.report_text import markdown
    from ringtrue.training.scoring import OnnxDetector

    folder = out or Path("runs") / f"evaluate-{split}"
    folder.mkdir(parents=True, exist_ok=True)
    detector = OnnxDetector(Session(model), progress=True)
    # File names only: reports are shared, folders of one machine are nobody's business.
    others = "".join(f" --baseline {path.name}" for path in baseline or ())
    command = (
        f"ringtrue evaluate {model.name} --manifest {manifest.name} --split {split} "
        f"--seed {seed}{others}{' --audit' if audit else ''}"
    )
    result = evaluation.evaluate(
        detector,
        read_manifest(manifest),
        split,
        cache / "heard",
        [load_baseline(path) for path in baseline or ()],
        audit,
        seed,
        rirs,
        command,
    )
    evaluation.write_scores(result.scores, folder / "scores.csv")
    write_report(result.report, folder / "report.json")
    pictures = draw(result.report, result.scores, folder)
    (folder / "report.md").write_text(markdown(result.report, pictures), encoding="utf-8")
    for condition in result.report.conditions():
        cell = result.report.cell(condition, 4.0)
        if cell is not None:
            m = cell.metrics
            typer.echo(
                f"{condition}: at 4 s EER {100 * m['eer'].value:.1f} % "
                f"[{100 * m['eer'].low:.1f}, {100 * m['eer'].high:.1f}], "
                f"Cllr {m['cllr'].value:.2f} ({cell.humans} human, {cell.robots} robot trials)"
            )
    typer.echo(f"report: {folder / 'report.md'}")

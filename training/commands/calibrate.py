"""``ringtrue calibrate``: scores to likelihood ratios, and thresholds, from ``dev``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ringtrue.training.commands.evaluate import ModelFile
from ringtrue.training.commands.options import DEFAULT_CACHE, CacheFolder, ManifestPath


def calibrate(
    model: ModelFile,
    manifest: ManifestPath,
    out: Annotated[Path, typer.Option(help="File for calibration and thresholds.")] = Path(
        "runs/calibration.json"
    ),
    calls: Annotated[int, typer.Option(min=50, help="Simulated human calls.")] = 400,
    cache: CacheFolder = DEFAULT_CACHE,
    seed: Annotated[int, typer.Option(help="Of lines, calls and bootstrap.")] = 1,
) -> None:
    """Fit the calibration of MODEL and choose its operating points, on split dev only.

    The calibration is a logistic regression over trials of 1 to 16 s of speech. The thresholds come
    from simulated human calls of 60 s: 1 false flag in 1,000 calls (cautious) and in 100
    (balanced), with a margin because dev has few voices. ringtrue export bakes both in.

    Example: ringtrue calibrate raw.onnx --manifest corpus/manifest.jsonl --out calibration.json
    """
    from ringtrue.inference.session import Session
    from ringtrue.training.calibrate import calibrate as fit
    from ringtrue.training.calibration_file import write_calibration
    from ringtrue.training.evaluate import score_trials
    from ringtrue.training.heard import hear
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.scoring import OnnxDetector
    from ringtrue.training.thresholds import choose_operating_points
    from ringtrue.training.trials import DURATIONS, plan_trials

    clips = read_manifest(manifest)
    detector = OnnxDetector(Session(model), progress=True)
    views = hear(clips, "dev", cache / "heard", seed)
    planned = {
        name: [trial for seconds in DURATIONS for trial in plan_trials(name, view, seconds)]
        for name, view in views.items()
    }
    calibration, rows = fit(score_trials(detector, planned, views))
    found = choose_operating_points(detector, clips, seed, calls, calibration, cache / "calls")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_calibration(out, detector.name, calibration, rows, found)

    console = Console()
    table = Table(
        "condition", "speech", "humans / robots", "EER", "Cllr before", "Cllr", "min Cllr"
    )
    for row in rows:
        table.add_row(
            row.condition,
            f"{row.seconds:g} s",
            f"{row.humans} / {row.robots}",
            f"{100 * row.eer:.1f} %",
            *(f"{value:.3f}" for value in (row.cllr_before, row.cllr, row.min_cllr)),
        )
    console.print(table)
    console.print(f"voice_llr = {calibration.scale:.4f} * score {calibration.offset:+.4f}")
    table = Table("operating point", "flag", "best guess", "clear", "human", "humans flagged",
                  "robots flagged")  # fmt: skip
    for point in found.points:
        table.add_row(
            point.name,
            f"{point.flag_llr:.2f}",
            f"{found.best_guess[point.name]:.2f}",
            f"{point.clear_llr:.2f}",
            f"{point.human_llr:.2f}",
            f"{100 * found.flagged_humans[point.name]:.2f} %",
            f"{100 * found.flagged_robots[point.name]:.1f} %",
        )
    console.print(table)
    console.print(
        f"{found.human_calls} human calls of {found.human_voices} voices, "
        f"{found.robot_calls} robot calls; highest peaks: "
        + ", ".join(f"{name} {peak:.2f}" for name, peak in found.top_sources[:3])
    )
    typer.echo(f"calibration: {out}")

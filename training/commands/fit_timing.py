"""``ringtrue fit-timing``: the small models of the timing and floor evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.call_options import (
    EvidenceFolder,
    ListenCache,
    NetworkFile,
)
from ringtrue.training.commands.options import Workers


def fit_timing(
    train: Annotated[Path, typer.Option(help="Set of simulated train calls.", file_okay=False)],
    dev: Annotated[Path, typer.Option(help="Set of simulated dev calls.", file_okay=False)],
    model: NetworkFile = None,
    out: EvidenceFolder = Path("runs/evidence"),
    version: Annotated[str, typer.Option(help="Version of the models.")] = "0.1.0",
    cache: ListenCache = Path("runs/cache/listened"),
    workers: Workers = 1,
) -> None:
    """Train the timing and floor evidence on simulated calls and calibrate it on dev calls.

    Writes ringtrue-timing-VERSION.onnx and ringtrue-floor-VERSION.onnx. Both sets need the kinds
    human, tts and scripted; other kinds are left out.

    Example: ringtrue fit-timing --train runs/calls-train --dev runs/calls-dev

    Exit code 0, or 1 when the sets do not serve.
    """
    from ringtrue.inference.evidence import noise_floor, turns
    from ringtrue.training.callsim import snapshots
    from ringtrue.training.callsim.calls_on_disk import read_set
    from ringtrue.training.callsim.listening import listen
    from ringtrue.training.callsim.soft_fit import CAPS, fit_soft

    heard = {
        name: list(listen(read_set(folder), model, workers=workers, cache=cache))
        for name, folder in (("train", train), ("dev", dev))
    }
    for name, features, least, examples in (
        ("timing", turns.FEATURES, snapshots.LEAST_TURNS, snapshots.timing_examples),
        ("floor", noise_floor.FEATURES, snapshots.LEAST_PAUSES, snapshots.floor_examples),
    ):
        path = out / f"ringtrue-{name}-{version}.onnx"
        study = fit_soft(
            name, version, features, examples(heard["train"]), examples(heard["dev"]), least,
            CAPS[name], path,
        )  # fmt: skip
        kinds = ", ".join(f"{kind} {value:+.2f}" for kind, value in study.kinds.items())
        typer.echo(
            f"{name}: {study.train_calls} train calls; dev: {study.dev_calls} calls, AUC "
            f"{study.auc:.3f}, Cllr {study.cllr:.2f}, capped {study.capped_cllr:.2f}; "
            f"mean LLR at the end: {kinds}"
        )
        typer.echo(f"{name}: {path}")

"""``ringtrue info``: what a model file says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.inference.session import Session


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]", help="ONNX file; otherwise the released model.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metadata as JSON.")] = False,
) -> None:
    """Print a model's metadata, thresholds and state layout.

    Examples:
      ringtrue info
      ringtrue info my-model.onnx --json
    """
    session = Session(model)
    about = session.info
    if as_json:
        values: dict[str, object] = dict(about.to_metadata())
        for key in ("operating_points", "state_layout"):
            values[key] = json.loads(str(values[key]))
        typer.echo(json.dumps(values, indent=2))
        return
    rows = [
        ("model", f"{about.model_name} {about.model_version} ({session.source})"),
        ("contract", about.contract_version),
        ("licence", about.licence),
        (
            "input",
            f"{about.chunk_samples} samples at {about.sample_rate} Hz "
            f"({about.chunk_seconds * 1000:.0f} ms) per step, {about.frontend} features",
        ),
        ("memory", f"about {about.memory_seconds:g} s of speech"),
        ("verdicts", f"from {about.min_speech_seconds:g} s of speech"),
        ("polarity", about.polarity),
        ("training data", about.training_data_digest),
    ]
    for name, value in rows:
        typer.echo(f"{name:<14} {value}")
    typer.echo("\noperating points (natural-log likelihood ratios)")
    typer.echo(f"  {'name':<12}{'robot from':>12}{'until':>8}{'human to':>10}   false flags")
    for point in about.operating_points:
        typer.echo(
            f"  {point.name:<12}{point.flag_llr:>12.2f}{point.clear_llr:>8.2f}"
            f"{point.human_llr:>10.2f}   "
            f"{point.false_flags_per_1000_calls:g} in 1,000 human calls"
        )
    typer.echo(f"\nstate: {about.state_size} floats")
    for field in about.state_layout:
        shape = " x ".join(map(str, field.shape)) or "1"
        typer.echo(f"  {field.offset:>6}  {field.name} [{shape}]")

"""``ringtrue export``: a checkpoint to a calibrated, checked ONNX file."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import DEFAULT_CACHE, CacheFolder, ManifestPath

log = logging.getLogger(__name__)

PARITY_CLIPS = 24


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="best.ckpt of a run.", exists=True, dir_okay=False)
    ],
    manifest: ManifestPath,
    recipe: Annotated[
        str, typer.Option(help="Recipe that was trained: its name, version and training clips.")
    ] = "ringtrue",
    calibration: Annotated[
        Path | None,
        typer.Option(help="File of `ringtrue calibrate`; default: calibrate now.", exists=True),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="ONNX file; default: <recipe>-<version>-fp32.onnx here.")
    ] = None,
    cache: CacheFolder = DEFAULT_CACHE,
) -> None:
    """Export CHECKPOINT as one ONNX file of contract v1, its weights as .ckpt beside it.

    Scores are calibrated and thresholds chosen on split dev (see: ringtrue calibrate) and baked
    into the file. The file is refused, and not left behind, unless torch over whole clips, ONNX
    chunk by chunk and ONNX in a batch agree to 1e-4 on voice_llr over real speech of dev.

    Example: ringtrue export runs/ringtrue/best.ckpt --manifest corpus/manifest.jsonl
    """
    from ringtrue.model.contract import OperatingPoint
    from ringtrue.model.export import export_onnx, model_info
    from ringtrue.model.parity import check_parity
    from ringtrue.training.cache import training_manifest
    from ringtrue.training.calibration_file import read_calibration
    from ringtrue.training.checkpoint import load_detector, save_weights
    from ringtrue.training.commands.calibrate import calibrate
    from ringtrue.training.heard import read_clip
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.recipe import read_recipe

    chosen = read_recipe(recipe)
    clips = read_manifest(manifest)
    digest = training_manifest(clips, chosen).digest()
    name = f"{chosen.name}-fp32"
    target = out or Path(f"{chosen.name}-{chosen.version}-fp32.onnx")
    detector = load_detector(checkpoint)
    # Released weights carry their calibration; a new one starts from the plain score.
    detector.calibrate(1.0, 0.0)
    dev = clips.select("dev", ("human", "tts", "vocoded", "vc")).clips
    spread = dev[:: max(1, len(dev) // PARITY_CLIPS)]
    audio = [read_clip(clips, clip) for clip in spread]

    with tempfile.TemporaryDirectory() as folder:
        if calibration is None:
            calibration = target.with_suffix(".calibration.json")
            neutral = (OperatingPoint("uncalibrated", 0.0, 0.0, 0.0, 0.0),)
            raw = export_onnx(
                detector,
                model_info(detector, name, chosen.version, neutral, digest),
                Path(folder) / "raw.onnx",
            )
            calibrate(raw, manifest, calibration, cache=cache)
        fitted, points = read_calibration(calibration)
        detector.calibrate(fitted.scale, fitted.offset)
        info = model_info(detector, name, chosen.version, points, digest)
        checked = export_onnx(detector, info, Path(folder) / target.name)
        parity = check_parity(detector, checked, audio)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: a full disk must not leave half a model.
        partial = target.with_suffix(".partial")
        try:
            partial.write_bytes(checked.read_bytes())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        save_weights(detector, target.with_suffix(".ckpt"))
    typer.echo(
        f"{target}: {target.stat().st_size / 1e6:.3f} MB, "
        f"{sum(p.numel() for p in detector.parameters())} parameters; over {parity.clips} clips "
        f"voice_llr differs by at most {parity.streamed:.1e} (streamed against whole), "
        f"{parity.batched:.1e} (batch against single)"
    )

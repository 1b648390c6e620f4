"""Options that several training commands share."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

Recipe = Annotated[
    str, typer.Argument(help="Recipe: a YAML file, or the name of one that ships (ringtrue).")
]
ManifestPath = Annotated[
    Path,
    typer.Option(
        "--manifest", "-m", help="Manifest: JSONL, CSV or Parquet.", exists=True, dir_okay=False
    ),
]
CacheFolder = Annotated[
    Path, typer.Option("--cache", help="Folder for cached audio; may be removed at any time.")
]
RirFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of room impulse responses; default: audio/rir beside the manifest.",
        exists=True,
        file_okay=False,
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]
DEFAULT_CACHE = Path("runs/cache")

log = logging.getLogger(__name__)


def rir_folder(manifest: Path) -> Path:
    """Where the room impulse responses that belong to a manifest lie, if there are any."""
    return manifest.parent / "audio" / "rir"


def rooms(manifest: Path, rirs: Path | None) -> Path | None:
    """The folder of impulse responses that was asked for, or that beside the manifest if any."""
    beside = rir_folder(manifest)
    found = rirs or (beside if beside.is_dir() else None)
    if found is None:
        log.warning("no room impulse responses: training without rooms (see --rirs)")
    return found

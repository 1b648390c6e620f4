"""Options that several training commands share."""

from __future__ import annotations

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
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]
DEFAULT_CACHE = Path("runs/cache")

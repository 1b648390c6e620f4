"""Options of the commands about simulated calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

NetworkFile = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Voice model (ONNX); the released one by default.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
EvidenceFolder = Annotated[
    Path, typer.Option("--out", help="Folder for the evidence models.", file_okay=False)
]
Evidence = Annotated[
    Path | None,
    typer.Option(
        "--evidence",
        help="Folder of evidence models and fused thresholds; the released ones by default.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]
SetFolder = Annotated[
    Path, typer.Argument(help="A set that simulate-calls wrote.", exists=True, file_okay=False)
]
ListenCache = Annotated[
    Path, typer.Option("--cache", help="Folder for the network's outputs; may be removed.")
]


def newest(folder: Path | None, pattern: str) -> Path | None:
    """The newest file of ``folder`` by its version, or None without a folder or file."""
    import re

    found = list(folder.glob(pattern)) if folder else []
    return max(found, key=lambda p: [int(n) for n in re.findall(r"\d+", p.stem)], default=None)

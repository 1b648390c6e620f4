"""``ringtrue manifest``: check a manifest, or sum it up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ringtrue.training.commands.options import rir_folder

ManifestFile = Annotated[
    Path, typer.Argument(help="Manifest: JSONL, CSV or Parquet.", exists=True, dir_okay=False)
]


def check(
    manifest: ManifestFile,
    files: Annotated[
        bool, typer.Option("--files", help="Also require that every audio file exists.")
    ] = False,
) -> None:
    """Check MANIFEST: fields, vocabularies, lengths, paths, duplicate ids.

    Problems are listed with their line numbers, 20 at most, and make the exit code 1. Speakers,
    sources or synthesizers that cross splits are warnings.

    Example: ringtrue manifest check corpus/manifest.jsonl --files
    """
    from ringtrue.training.manifest import ManifestError, read_manifest

    try:
        found = read_manifest(manifest, check_files=files)
    except ManifestError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    leaks = found.leaks()
    for leak in leaks:
        typer.echo(f"warning: {leak}", err=True)
    warned = f", {len(leaks)} warnings" if leaks else ""
    typer.echo(f"{manifest.name}: {len(found)} clips, {found.hours:.1f} hours, no problem{warned}")


def merge(
    manifests: Annotated[
        list[Path],
        typer.Argument(help="Manifests: JSONL, CSV or Parquet.", exists=True, dir_okay=False),
    ],
    out: Annotated[Path, typer.Option(help="The manifest to write: .jsonl, .csv or .parquet.")],
) -> None:
    """Put the rows of several MANIFESTS into one; the audio stays where it is.

    Room impulse responses (audio/rir beside the first manifest that has them) are copied beside the
    new one, where the other commands look for them.

    Example: ringtrue manifest merge corpus/manifest.jsonl copies/manifest.jsonl --out my.jsonl
    """
    from ringtrue.training.manifest import merge_manifests, read_manifest, write_manifest

    merged = merge_manifests([read_manifest(path) for path in manifests])
    out.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(merged, out)
    rooms = next((found for path in manifests if (found := rir_folder(path)).is_dir()), None)
    beside = rir_folder(out)
    if rooms is not None and not beside.exists():
        shutil.copytree(rooms, beside)
    typer.echo(f"{out}: {len(merged)} clips, {merged.hours:.1f} hours")


def summary(
    manifest: ManifestFile,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Only these: label, condition, language, source, system. Repeatable."),
    ] = None,
) -> None:
    """Hours and counts of MANIFEST per split and label, condition, language, source and system.

    Example: ringtrue manifest summary corpus/manifest.jsonl --by label --by language
    """
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.manifest_summary import KINDS
    from ringtrue.training.manifest_summary import summary as sum_up

    unknown = set(by or ()) - set(KINDS)
    if unknown:
        raise ValueError(f"expected --by of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    found = read_manifest(manifest)
    rows = sum_up(found)
    console = Console()
    for kind in by or KINDS:
        table = Table("split", kind, title=f"by {kind}", title_justify="left")
        for name in ("clips", "voices", "hours", "human h", "robot h", "commercial h"):
            table.add_column(name, justify="right")
        for row in rows:
            if row.kind == kind:
                hours = (row.hours, row.human_hours, row.robot_hours, row.commercial_hours)
                table.add_row(
                    row.split,
                    row.name,
                    str(row.clips),
                    str(row.groups),
                    *(f"{value:.2f}" if value else "" for value in hours),
                )
        console.print(table)
    console.print(f"{len(found)} clips, {found.hours:.2f} hours, digest {found.digest()}")

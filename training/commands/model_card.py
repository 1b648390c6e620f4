"""``ringtrue model-card``: the model card from measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.options import ManifestPath


def model_card(
    report: Annotated[
        Path,
        typer.Argument(
            help="report.json of ringtrue evaluate --split eval.", exists=True, dir_okay=False
        ),
    ],
    model: Annotated[Path, typer.Argument(help="The ONNX file.", exists=True, dir_okay=False)],
    manifest: ManifestPath,
    recipe: Annotated[str, typer.Option(help="Recipe that trained the model.")] = "ringtrue",
    out: Annotated[Path, typer.Option(help="Where the card is written.")] = Path("MODEL_CARD.md"),
) -> None:
    """Write the card of MODEL from REPORT: use, rates, failures, data and licences.

    The card is refused if the report is not of split eval, or the manifest and recipe do not give
    the clips that the model was trained on. Where the recipe takes over a network, the card says so
    if the checkpoint beside MODEL (NAME.ckpt, written by ringtrue export) has its very weights.

    Example: ringtrue model-card report.json model.onnx --manifest corpus/manifest.jsonl
    """
    from ringtrue.inference.session import Session
    from ringtrue.training.cache import training_manifest
    from ringtrue.training.manifest import read_manifest
    from ringtrue.training.model_card import CardInput, read_licences
    from ringtrue.training.model_card import model_card as render
    from ringtrue.training.recipe import read_recipe
    from ringtrue.training.report import read_report

    chosen = read_recipe(recipe)
    card = CardInput(
        info=Session(model).info,
        file_name=model.name,
        file_bytes=model.stat().st_size,
        recipe=chosen,
        training=training_manifest(read_manifest(manifest), chosen),
        licences=read_licences(manifest),
        report=read_report(report),
        has_recipes_network=_has_network(model.with_suffix(".ckpt"), chosen.network),
    )
    out.write_text(render(card), encoding="utf-8")
    typer.echo(f"model card: {out}")


def _has_network(checkpoint: Path, network: str) -> bool | None:
    """Whether ``checkpoint`` has the network of the one named ``network``.

    That one is looked for here, beside ``checkpoint`` and among the released ones. None where one
    of the two is missing or the recipe names none.
    """
    from ringtrue.model import released
    from ringtrue.training.checkpoint import load_detector, same_network

    places = [Path(), checkpoint.parent, *map(Path, released.__path__)]
    named = next((place / network for place in places if (place / network).is_file()), None)
    if named is None or not checkpoint.is_file():
        return None
    return same_network(load_detector(checkpoint), load_detector(named))

"""The training commands of ``ringtrue``; mounted by ``ringtrue.inference.cli``."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ringtrue.inference.cli import help_text
from ringtrue.training.commands.blend import blend
from ringtrue.training.commands.cache import cache
from ringtrue.training.commands.calibrate import calibrate
from ringtrue.training.commands.copy_synthesis import copy_synthesis
from ringtrue.training.commands.cross_validate import cross_validate
from ringtrue.training.commands.evaluate import evaluate
from ringtrue.training.commands.evaluate_calls import evaluate_calls
from ringtrue.training.commands.export import export
from ringtrue.training.commands.fit_frames import fit_frames
from ringtrue.training.commands.fit_fusion import fit_fusion
from ringtrue.training.commands.fit_mixture import fit_mixture
from ringtrue.training.commands.fit_timing import fit_timing
from ringtrue.training.commands.imitate import imitate
from ringtrue.training.commands.import_recordings import import_recordings
from ringtrue.training.commands.manifest import check, merge, summary
from ringtrue.training.commands.model_card import model_card
from ringtrue.training.commands.simulate_calls import simulate_calls
from ringtrue.training.commands.sweep import sweep
from ringtrue.training.commands.synthesise import synthesise
from ringtrue.training.commands.train import train

_SETTINGS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=_SETTINGS,
    help="Training and evaluation.",
)
manifest_app = typer.Typer(
    no_args_is_help=True,
    context_settings=_SETTINGS,
    help="Check, merge or sum up manifests: one row per clip (JSONL, CSV or Parquet).",
)
manifest_app.command(help=help_text(check))(check)
manifest_app.command(help=help_text(merge))(merge)
manifest_app.command(help=help_text(summary))(summary)
app.add_typer(manifest_app, name="manifest")

_COMMANDS: tuple[Callable[..., None], ...] = (
    cache,
    import_recordings,
    copy_synthesis,
    imitate,
    synthesise,
    train,
    cross_validate,
    blend,
    fit_frames,
    fit_mixture,
    sweep,
    evaluate,
    calibrate,
    export,
    model_card,
    simulate_calls,
    fit_timing,
    fit_fusion,
    evaluate_calls,
)
for _command in _COMMANDS:
    app.command(help=help_text(_command))(_command)

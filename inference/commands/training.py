"""The training commands, loaded from ``ringtrue.training`` only when one of them runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import typer

from ringtrue.inference.extras import MissingExtraError

COMMANDS = {
    "manifest": "Check, merge or sum up manifests of training clips.",
    "cache": "Decode and cache the clips of a manifest.",
    "import-recordings": "Cut recordings of a source into clips with a manifest.",
    "copy-synthesis": "Make paired robot clips from the humans of a manifest.",
    "imitate": "Say people's clips again as a text-to-speech system might.",
    "synthesise": "Make robot clips with a synthesizer that is installed.",
    "train": "Train a detector by a recipe.",
    "cross-validate": "Judge a recipe on sources of train that it did not learn from.",
    "blend": "Average a trained detector with the one it started from.",
    "fit-frames": "Add a frame network to a trained detector.",
    "fit-mixture": "Add frame mixtures to a trained detector.",
    "sweep": "Try other settings of a trained detector on dev.",
    "evaluate": "Measure a model on a manifest and write a report.",
    "calibrate": "Fit calibration and thresholds on simulated calls.",
    "export": "Export a checkpoint to ONNX and check that it agrees.",
    "model-card": "Write the model card from an evaluation.",
    "simulate-calls": "Write simulated two-channel calls with ground truth.",
    "fit-timing": "Train the timing and floor evidence on simulated calls.",
    "fit-fusion": "Choose thresholds for all evidence on simulated calls.",
    "evaluate-calls": "Measure the call decision on simulated calls: the ablation table.",
}
"""Names and one-line help, so that ``--help`` needs none of the libraries for training."""

_PASS_ON = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "allow_interspersed_args": False,
}


def mount(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for name, summary in COMMANDS.items():
        app.command(
            name,
            help=summary,
            context_settings=_PASS_ON,
            add_help_option=False,
            rich_help_panel="Training (pip install ringtrue\\[train])",
        )(_runner(name))


def _runner(name: str) -> Callable[[typer.Context], None]:
    def run(ctx: typer.Context) -> None:
        try:
            training = import_module("ringtrue.training.cli")
            command = typer.main.get_command(training.app)
            # Returns the exit code of typer.Exit; usage errors reach the outer command line.
            code = command.main([name, *ctx.args], prog_name="ringtrue", standalone_mode=False)
        # Commands import their libraries when they run, so either step may find one missing.
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("ringtrue"):
                raise
            raise MissingExtraError(f"'ringtrue {name}'", "train") from error
        if isinstance(code, int) and code:
            raise typer.Exit(code)

    return run

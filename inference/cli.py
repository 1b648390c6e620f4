"""The command line ``ringtrue``."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from ringtrue.inference.commands import bank
from ringtrue.inference.commands.campaigns import campaigns
from ringtrue.inference.commands.demo import demo
from ringtrue.inference.commands.errors import ReadableGroup
from ringtrue.inference.commands.info import info
from ringtrue.inference.commands.report import report
from ringtrue.inference.commands.score import score
from ringtrue.inference.commands.serve import serve
from ringtrue.inference.commands.training import mount
from ringtrue.inference.commands.watch import watch

app = typer.Typer(
    cls=ReadableGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            number = version("ringtrue")
        except PackageNotFoundError:
            number = "unknown (not installed)"
        typer.echo(f"ringtrue {number}")
        raise typer.Exit


def help_text(command: Callable[..., object]) -> str:
    """The docstring for ``--help``: paragraphs on one line each, indented examples as they are."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(p if "\n  " in p else " ".join(p.split("\n")) for p in paragraphs)


def ringtrue(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and debug messages.")
    ] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Tells robot callers from people on a telephone line, while the call runs.

    Nothing leaves this machine. A verdict is advice to a person, not proof.

    First steps:
      ringtrue demo              watch a shipped synthetic bot call
      ringtrue watch call.wav    follow a recording as if it were live
      ringtrue score calls/      score all recordings of a folder
      ringtrue report scores.csv show the results on a page
      ringtrue COMMAND --help    options and more examples
    """
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


app.callback(help=help_text(ringtrue))(ringtrue)
for _command in (demo, watch, score, report, serve, campaigns, info):
    app.command(help=help_text(_command))(_command)
bank.mount(app)
mount(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 success, 1 some input could not be read or something is not installed, 2 wrong use,
    130 interrupted.
    """
    try:
        app(args=list(argv) if argv is not None else None, prog_name="ringtrue")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())

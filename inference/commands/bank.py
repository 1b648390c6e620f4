"""``ringtrue bank``: the prompts of earlier calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import typer

from ringtrue.inference.commands.bank_hear import add, lookup
from ringtrue.inference.commands.bank_keep import check, export, forget, limit, show, take_in

HELP = """Prompts of earlier calls: keep, list, exchange, forget.

A bank holds one-way hashes of stretches of speech with their dates, no audio. Nothing enters it
unless you add it. 'score', 'watch' and the Python API can then tell that a caller plays what was
heard in earlier calls.

Examples:
  ringtrue bank add bot-call.wav
  ringtrue bank add calls/ --channel right --date 2026-11-02
  ringtrue bank add hold-music.wav announcement.wav --not-evidence --label carrier
  ringtrue bank lookup new-call.wav
  ringtrue bank list
  ringtrue bank forget --before 2026-01-01

The bank is prompts.bank in your folder of application data, or what --bank or the variable
RINGTRUE_BANK names. Exit code 0 when all went well, 1 when a recording or the bank could not be
used, 2 for wrong options."""

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


def mount(parent: typer.Typer) -> None:
    """Add the command group to ``parent``."""
    for command in (add, lookup, show, export, take_in, forget, limit, check):
        name = {"show": "list", "take_in": "import"}.get(command.__name__, command.__name__)
        app.command(name, help=_help(command))(command)
    parent.add_typer(app, name="bank", help=_paragraphs(HELP))


def _help(command: Callable[..., None]) -> str:
    return _paragraphs(inspect.cleandoc(command.__doc__ or ""))


def _paragraphs(text: str) -> str:
    """Paragraphs on one line each, indented examples as they are."""
    blocks = text.split("\n\n")
    return "\n\n".join(b if "\n  " in b else " ".join(b.split("\n")) for b in blocks)

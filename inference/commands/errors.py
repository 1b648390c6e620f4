"""Turns errors into one readable line and an exit code, for every command."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from ringtrue.inference.audio_error import AudioError
from ringtrue.inference.extras import MissingExtraError

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130


class ReadableGroup(TyperGroup):
    """Prints expected errors without a traceback, unless ``--debug`` was given."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; exit code 1 for bad input or a failing system, 2 for wrong use."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of a pipe, such as head, has seen enough; click ends the program.
            raise
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except (AudioError, OSError, ImportError, MissingExtraError) as error:
            self._explain(ctx, error, FAILED)
        except ValueError as error:
            self._explain(ctx, error, WRONG_USE)

    @staticmethod
    def _explain(ctx: Any, error: Exception, code: int) -> None:
        if ctx.params.get("debug"):
            raise error
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        typer.echo("ringtrue: error: " + " ".join(text.split()), err=True)
        raise typer.Exit(code) from error

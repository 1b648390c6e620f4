"""Options that the commands of ``ringtrue bank`` share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.inference.replay.paths import VARIABLE

Bank = Annotated[
    Path | None,
    typer.Option(
        "--bank",
        metavar="FILE",
        help=f"Bank to use, else ${VARIABLE} or your own.",
        show_default=False,
    ),
]


def parse_day(text: str) -> date | None:
    """The day of an ISO date, None for no text."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a date such as 2026-11-02, got {text!r}") from None

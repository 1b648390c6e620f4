"""Where a user's prompt bank lies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "RINGTRUE_BANK"


def default_bank() -> Path:
    """``$RINGTRUE_BANK``, else ``prompts.bank`` in the user's folder of application data."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    import typer

    return Path(typer.get_app_dir("ringtrue")) / "prompts.bank"

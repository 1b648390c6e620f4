"""Where evidence models and fused thresholds are found: one's own, then the released ones."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from ringtrue.inference.session import ModelError

VARIABLE: Final = "RINGTRUE_EVIDENCE"
"""Names a folder as ``ringtrue fit-timing`` and ``ringtrue fit-fusion`` write it."""


def evidence_files(kind: str) -> tuple[Traversable, ...]:
    """Files ``ringtrue-KIND-VERSION.onnx`` or ``.json``, the ones to prefer first.

    Those of the folder that ``$RINGTRUE_EVIDENCE`` names come before those that this installation
    ships, newer versions before older ones.

    Args:
        kind: ``timing``, ``floor`` or ``fusion``.

    Raises:
        ModelError: the variable names no folder, or one that cannot be read or has no such file.
    """
    found = _newest_first(files("ringtrue.model.released"), kind)
    named = os.environ.get(VARIABLE)
    if not named:
        return found
    folder = Path(named)
    if not folder.is_dir():
        raise ModelError(f"{VARIABLE}: expected a folder, got {named}")
    try:
        own = _newest_first(folder, kind)
        holds_any = own or _newest_first(folder, "(timing|floor|fusion)")
    except OSError as error:
        raise ModelError(f"{VARIABLE}: {named} cannot be read ({error.strerror})") from error
    if not holds_any:
        raise ModelError(
            f"{VARIABLE}: expected ringtrue-timing-, ringtrue-floor- or ringtrue-fusion- files in "
            f"{named}, found none; 'ringtrue fit-timing' and 'ringtrue fit-fusion' write them"
        )
    return (*own, *found)


def _newest_first(folder: Traversable, kind: str) -> tuple[Traversable, ...]:
    pattern = re.compile(rf"ringtrue-{kind}-[\d.]+\.(onnx|json)")
    found = [entry for entry in folder.iterdir() if pattern.fullmatch(entry.name)]
    found.sort(key=lambda e: [int(n) for n in re.findall(r"\d+", e.name)], reverse=True)
    return tuple(found)

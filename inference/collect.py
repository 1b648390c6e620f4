"""Which recordings a list of files, folders and patterns names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from ringtrue.inference.audio import AUDIO_SUFFIXES
from ringtrue.inference.raw_pcm import HEADERLESS


def collect(names: Iterable[str], headerless: bool = False) -> list[str]:
    """Recordings named by ``names``, in order, each once.

    A file is taken as it is, whatever its ending. A folder gives the files below it with an
    ending of ``AUDIO_SUFFIXES`` (with ``headerless`` also of ``HEADERLESS``), sorted, without
    hidden ones and without following links to folders. A name that does not exist is a pattern
    when it holds ``*``, ``?`` or ``[`` (``**`` goes down folders). Names that lead nowhere stay
    in the list, so that their error is reported with the others.
    """
    suffixes = AUDIO_SUFFIXES | HEADERLESS if headerless else AUDIO_SUFFIXES
    found: dict[str, None] = {}
    for name in names:
        if os.path.isdir(name):
            found.update(dict.fromkeys(_walk(name, suffixes)))
        elif not os.path.exists(name) and glob.has_magic(name):
            matches = sorted(glob.glob(name, recursive=True))
            for match in matches or [name]:
                inside = _walk(match, suffixes) if os.path.isdir(match) else [match]
                found.update(dict.fromkeys(inside))
        else:
            found[name] = None
    return list(found)


def _walk(folder: str, suffixes: frozenset[str]) -> list[str]:
    closed: list[str] = []
    found: list[str] = []
    for where, folders, names in os.walk(folder, onerror=lambda e: closed.append(e.filename)):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                found.append(os.path.join(where, name))
    return found + closed

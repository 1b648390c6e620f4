"""Files of installed packages that are read without importing them."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def package_file(package: str, name: str, method: str, install: str) -> Path:
    """Path of the file ``name`` in the folder of ``package``.

    Args:
        package: its import name.
        name: relative to its folder, with forward slashes.
        method: what needs it, for the message.
        install: what to call to install it.

    Raises:
        ValueError: the package or the file is absent; the message says what to install.
    """
    found = importlib.util.find_spec(package)
    folders = (found.submodule_search_locations if found else None) or []
    path = next((p for folder in folders if (p := Path(folder, name)).is_file()), None)
    if path is None:
        raise ValueError(
            f"copies by {method} need the vocoder of a package that is not installed: {install}"
        )
    return path

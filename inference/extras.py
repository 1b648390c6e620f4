"""The error for work that needs an optional part of the installation."""

from __future__ import annotations


class MissingExtraError(RuntimeError):
    """Something optional is not installed; the text says how to install it."""

    def __init__(self, work: str, extra: str, system: str = "") -> None:
        """``system`` names what is missing when it is not the Python package itself."""
        super().__init__(
            f"{work} needs {system}"
            if system
            else f'{work} needs more libraries; install them with: pip install "ringtrue[{extra}]"'
        )

"""The one error of everything that reads recordings."""

from __future__ import annotations


class AudioError(ValueError):
    """A recording cannot be read; the text names the recording and says what is wrong.

    Attributes:
        path: the recording as the caller named it.
        problem: what is wrong, without the path.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem

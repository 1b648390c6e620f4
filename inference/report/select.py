"""Which rows the table of a page holds when there are more than a browser likes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ringtrue.inference.report.results import KINDS
from ringtrue.inference.score import ScoreRow


class Selection:
    """The strongest ``limit`` rows, at most a quarter of them errors.

    Robots come before other verdicts, then higher ``p_robot`` before lower; of the errors the
    first are kept. Memory stays within about twice ``limit`` rows.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"expected room for at least 1 row, got {limit}")
        self._limit = limit
        self._errors: list[tuple[int, ScoreRow]] = []
        self._others: list[tuple[int, ScoreRow]] = []
        self._seen = 0

    def add(self, row: ScoreRow) -> None:
        """Offer the next row."""
        numbered = (self._seen, row)
        self._seen += 1
        if row.error:
            if len(self._errors) < self._limit:
                self._errors.append(numbered)
            return
        self._others.append(numbered)
        if len(self._others) > 2 * self._limit:
            self._others = sorted(self._others, key=strength)[: self._limit]

    def rows(self) -> list[ScoreRow]:
        """The kept rows in their order in the file."""
        errors = self._errors
        if len(errors) + len(self._others) > self._limit:
            reserved = max(self._limit // 4, self._limit - len(self._others))
            errors = errors[:reserved]
        others = sorted(self._others, key=strength)[: self._limit - len(errors)]
        return [row for _, row in sorted([*errors, *others], key=lambda pair: pair[0])]


def strength(numbered: tuple[int, ScoreRow]) -> tuple[int, float, int]:
    """Sort key: robots first, then by ``p_robot``, then by order."""
    number, row = numbered
    probability = -1.0 if row.p_robot is None else row.p_robot
    late = KINDS.index("no-speech") if row.kind == "no-speech" else 1
    return (0 if row.kind == "robot" else late, -probability, number)


def strongest(rows: list[ScoreRow]) -> Iterator[int]:
    """Indices of the rows without errors, the strongest robots first."""
    order = sorted(enumerate(rows), key=strength)
    return (number for number, row in order if not row.error)


def common_folder(paths: list[str]) -> str:
    """The longest beginning up to a ``/`` that all paths share; it is told once on the page."""
    if not paths:
        return ""
    low, high = min(paths), max(paths)
    size = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), math.inf)
    shared = low[: int(min(size, len(low)))]
    return shared[: shared.rfind("/") + 1]

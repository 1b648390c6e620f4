"""One recording of a bulk job on its way from the inputs to the results."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from ringtrue.inference.bulk.source import Source
from ringtrue.inference.score import ScoreRow


@dataclass(frozen=True, slots=True)
class Task:
    """A recording to score.

    Attributes:
        index: its place in the input, from 0; rows are written in this order.
        name: what its rows call it.
        source: where its bytes are.
        id: its id in the manifest, or empty.
    """

    index: int
    name: str
    source: Source
    id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        index: that of the task.
        rows: one per scored channel, or one with ``error``.
    """

    index: int
    rows: tuple[ScoreRow, ...]

    @property
    def failed(self) -> bool:
        """Whether the recording could not be scored."""
        return any(row.error for row in self.rows)


@dataclass(frozen=True, slots=True)
class Beat:
    """Seconds of recordings that were heard since the last beat, for the progress display."""

    seconds: float


News = Generator[Outcome | Beat, None, None]
"""What engines give as they work."""

"""Score rows as CSV, JSON lines or a table."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from ringtrue.inference.score import COLUMNS, ScoreRow

FORMATS = ("table", "csv", "jsonl")
_DECIMALS = {
    "seconds": 3,
    "speech_seconds": 3,
    "p_robot": 6,
    "voice_llr": 4,
    "flagged_at": 3,
}
_COLOURS = {"robot": "bold red", "human": "green", "unsure": "yellow", "no-speech": "dim"}


class RowWriter(Protocol):
    """Takes rows as they come."""

    def write(self, row: ScoreRow) -> None:
        """Write one row; CSV and JSON lines reach the file at once."""

    def close(self) -> None:
        """Write what is still held."""


def row_values(row: ScoreRow) -> dict[str, Any]:
    """The columns of a row, numbers rounded to what they are good for."""
    values = {name: getattr(row, name) for name in COLUMNS}
    for name, digits in _DECIMALS.items():
        if values[name] is not None:
            values[name] = round(values[name], digits)
    return values


class JsonlWriter:
    """One JSON object per line; missing values are null, ``reasons`` is a list."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: ScoreRow) -> None:
        """Write one line."""
        self._stream.write(json.dumps(row_values(row), ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is held."""


class CsvWriter:
    """CSV with a header line; missing values are empty, reasons are joined with ``; ``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, row: ScoreRow) -> None:
        """Write one line."""
        values = row_values(row) | {"reasons": "; ".join(row.reasons)}
        self._writer.writerow(["" if v is None else v for v in values.values()])
        self._stream.flush()

    def close(self) -> None:
        """Make the header reach the file when there was no row."""
        self._stream.flush()


class TableWriter:
    """A table for people, printed when all rows are there."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.table import Table

        # Tables in files and pipes get room for long paths; terminals know their own width.
        terminal = stream.isatty()
        self._console = Console(file=stream, width=None if terminal else 200)
        self._table = Table(header_style="bold", pad_edge=False)
        for name in COLUMNS[:-1]:
            number = name in _DECIMALS
            self._table.add_column(
                "reasons / error" if name == "reasons" else name.replace("_", " "),
                justify="right" if number else "left",
                overflow="fold",
                no_wrap=number,
            )

    def write(self, row: ScoreRow) -> None:
        """Hold one row."""
        from rich.text import Text

        def number(value: float | None, form: str) -> str:
            return "" if value is None else format(value, form)

        words = Text("\n".join(row.reasons))
        if row.error:
            words = Text(row.error, style="red")
        self._table.add_row(
            Text(row.path),
            row.channel,
            number(row.seconds, ".1f"),
            number(row.speech_seconds, ".1f"),
            number(row.p_robot, ".3f"),
            number(row.voice_llr, "+.2f"),
            Text(row.verdict or "error", style=_COLOURS.get(row.verdict, "red")),
            number(row.flagged_at, ".1f"),
            words,
        )

    def close(self) -> None:
        """Print the table."""
        self._console.print(self._table)


def row_writer(format_name: str, stream: TextIO) -> RowWriter:
    """A writer for one of ``FORMATS``; ValueError names them."""
    if format_name not in FORMATS:
        raise ValueError(f"expected a format of {', '.join(FORMATS)}, got {format_name!r}")
    kinds: dict[str, type[JsonlWriter] | type[CsvWriter] | type[TableWriter]] = {
        "table": TableWriter,
        "csv": CsvWriter,
        "jsonl": JsonlWriter,
    }
    return kinds[format_name](stream)


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """``path`` for writing; rows collect in ``path.part``, which takes its place at the end.

    It does so too when the work ends with an exception such as Ctrl-C, so that what was scored
    is kept; after a power cut the rows so far are in ``path.part``.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder, expected a file to write", str(path))
    # File names that are not UTF-8 pass through unchanged.
    with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        try:
            yield stream
        finally:
            stream.flush()
            os.replace(part, path)

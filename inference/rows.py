"""Score rows as CSV, JSON lines, Parquet or a table."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.score import COLUMNS, ScoreRow

FORMATS = ("table", "csv", "jsonl", "parquet")
BINARY = frozenset({"parquet"})
"""Formats that are written to a file only."""
_TABLE = COLUMNS[: COLUMNS.index("reasons") + 1]
DECIMALS = {
    "seconds": 3,
    "speech_seconds": 3,
    "p_robot": 6,
    "voice_llr": 4,
    "flagged_at": 3,
    "flag_llr": 4,
}
"""The columns that are numbers, with the digits that are written behind the point."""
_ROW_GROUP = 10_000
_COLOURS = {"robot": "bold red", "human": "green", "unsure": "yellow", "no-speech": "dim"}


class RowWriter(Protocol):
    """Takes rows as they come."""

    def write(self, row: ScoreRow) -> None:
        """Write one row; CSV and JSON lines reach the file at once."""

    def close(self) -> None:
        """Write what is still held."""


def row_values(row: ScoreRow, with_id: bool = False) -> dict[str, Any]:
    """The columns of a row, numbers rounded to what they are good for."""
    values = {name: getattr(row, name) for name in columns(with_id)}
    for name, digits in DECIMALS.items():
        if values[name] is not None:
            values[name] = round(values[name], digits)
    return values


def columns(with_id: bool) -> tuple[str, ...]:
    """The fixed columns, with ``id`` behind them for rows of a manifest."""
    return (*COLUMNS, "id") if with_id else COLUMNS


class JsonlWriter:
    """One JSON object per line; missing values are null, ``reasons`` is a list."""

    def __init__(self, stream: IO[Any], with_id: bool = False) -> None:
        self._stream = stream
        self._with_id = with_id

    def write(self, row: ScoreRow) -> None:
        """Write one line."""
        values = row_values(row, self._with_id)
        self._stream.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is held."""


class CsvWriter:
    """CSV with a header line; missing values are empty, reasons are joined with ``; ``."""

    def __init__(self, stream: IO[Any], with_id: bool = False) -> None:
        self._stream = stream
        self._with_id = with_id
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(columns(with_id))

    def write(self, row: ScoreRow) -> None:
        """Write one line."""
        values = row_values(row, self._with_id) | {"reasons": "; ".join(row.reasons)}
        self._writer.writerow(["" if v is None else v for v in values.values()])
        self._stream.flush()

    def close(self) -> None:
        """Make the header reach the file when there was no row."""
        self._stream.flush()


class TableWriter:
    """A table for people, printed when all rows are there."""

    def __init__(self, stream: IO[Any], with_id: bool = False) -> None:
        from rich.console import Console
        from rich.table import Table

        # Tables in files and pipes get room for long paths; terminals know their own width.
        terminal = stream.isatty()
        self._console = Console(file=stream, width=None if terminal else 200)
        self._table = Table(header_style="bold", pad_edge=False)
        for name in _TABLE:
            number = name in DECIMALS
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


class ParquetWriter:
    """Parquet, typed; missing numbers are null, ``reasons`` is a list of strings.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, stream: IO[Any], with_id: bool = False) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("writing Parquet files", "parquet") from error
        self._with_id = with_id
        text, number = pyarrow.string(), pyarrow.float64()
        kinds = {"reasons": pyarrow.list_(text)} | dict.fromkeys(DECIMALS, number)
        self._schema = pyarrow.schema([(n, kinds.get(n, text)) for n in columns(with_id)])
        self._table = pyarrow.Table
        self._file = pyarrow.parquet.ParquetWriter(stream, self._schema)
        self._held: list[dict[str, Any]] = []

    def write(self, row: ScoreRow) -> None:
        """Hold one row; many are written together."""
        values = row_values(row, self._with_id)
        # Parquet's strings are UTF-8; other bytes of file names are shown as escapes.
        for name, value in values.items():
            if isinstance(value, str):
                values[name] = value.encode("utf-8", "backslashreplace").decode()
        self._held.append(values | {"reasons": list(row.reasons)})
        if len(self._held) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            self._file.write_table(self._table.from_pylist(self._held, self._schema))
        self._held = []

    def close(self) -> None:
        """Write the rest and the footer."""
        self._flush()
        self._file.close()


def row_writer(format_name: str, stream: IO[Any], with_id: bool = False) -> RowWriter:
    """A writer for one of ``FORMATS``; ValueError names them.

    ``stream`` is binary for the formats in ``BINARY``, else text.
    """
    if format_name not in FORMATS:
        raise ValueError(f"expected a format of {', '.join(FORMATS)}, got {format_name!r}")
    kinds: dict[str, type[TableWriter | CsvWriter | JsonlWriter | ParquetWriter]] = {
        "table": TableWriter,
        "csv": CsvWriter,
        "jsonl": JsonlWriter,
        "parquet": ParquetWriter,
    }
    return kinds[format_name](stream, with_id)


@contextmanager
def output_file(path: Path, binary: bool = False) -> Iterator[IO[Any]]:
    """``path`` for writing: it is replaced as a whole at the end, and left as it was on any error.

    Until then the bytes are in ``path.part``.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder, expected a file to write", str(path))
    # File names that are not UTF-8 pass through unchanged.
    text = {} if binary else {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    try:
        with part.open("wb" if binary else "w", **text) as stream:  # type: ignore[call-overload]
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise

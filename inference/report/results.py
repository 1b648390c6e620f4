"""Reads what ``ringtrue score`` wrote: CSV, JSON lines or Parquet, of any length."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.rows import DECIMALS
from ringtrue.inference.score import ScoreRow

KINDS = ("robot", "unsure", "human", "no-speech", "error")
"""What a row can be, in the order of a person's interest (errors last)."""
NEEDED = ("path", "verdict", "error")
MAX_NOTES = 20
_TEXTS = tuple(
    field.name for field in fields(ScoreRow) if field.name not in {"path", "reasons", *DECIMALS}
)


class Results:
    """The rows of a file, read anew with every iteration, so that millions fit.

    Columns that the file lacks are empty or None, further ones are left out.

    A row that makes no sense (a line cut off by a crash, a number that is none) is left out and
    noted.

    Attributes:
        path: the file.
        notes: what was left out and why, the first :data:`MAX_NOTES` of an iteration.
        unreadable: rows left out.
    """

    def __init__(self, path: str | Path) -> None:
        """Raises ValueError when the file's columns are not those of ``ringtrue score``,
        OSError when it cannot be read, MissingExtraError for Parquet without pyarrow."""
        self.path = Path(path)
        self.notes: list[str] = []
        self.unreadable = 0
        self._format = self._find_format()
        next(iter(self), None)

    def _find_format(self) -> str:
        with self.path.open("rb") as stream:
            head = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"PAR1"):
            return "parquet"
        return "jsonl" if head.startswith(b"{") else "csv"

    def __iter__(self) -> Iterator[ScoreRow]:
        self.notes.clear()
        self.unreadable = 0
        for where, values in self._records():
            try:
                if isinstance(values, str):
                    raise ValueError(values)
                yield make_row(values)
            except ValueError as error:
                self.unreadable += 1
                if len(self.notes) < MAX_NOTES:
                    self.notes.append(f"{where}: {error}")

    def _records(self) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
        """(where, columns or what is wrong) of every row."""
        if self._format == "parquet":
            yield from self._parquet()
            return
        # File names that are not UTF-8 pass through unchanged.
        with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            yield from (_json_lines if self._format == "jsonl" else _csv_rows)(stream)

    def _parquet(self) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
        try:
            import pyarrow.parquet
        except ImportError:
            raise MissingExtraError("results in Parquet", "parquet") from None
        try:
            file = pyarrow.parquet.ParquetFile(self.path)
            _check_columns(file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(4096):
                for values in batch.to_pylist():
                    number += 1
                    yield f"row {number}", values
        except pyarrow.ArrowException as error:
            raise ValueError(f"{self.path}: is not Parquet that can be read ({error})") from error


def _csv_rows(lines: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    reader = csv.reader(lines)
    try:
        header = next(reader, None)
        if header is None:
            raise ValueError("expected results of ringtrue score, got an empty file")
        _check_columns(header)
        for row in reader:
            if not row:
                continue
            where = f"line {reader.line_num}"
            if len(row) != len(header):
                yield where, f"expected {len(header)} columns, got {len(row)}"
            else:
                yield where, dict(zip(header, row, strict=True))
    except csv.Error as error:
        yield f"line {reader.line_num}", f"is not CSV ({error})"


def _json_lines(lines: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            yield f"line {number}", "is not JSON"
            continue
        if not isinstance(values, dict):
            yield f"line {number}", "expected a JSON object"
            continue
        if number == 1:
            _check_columns(values)
        yield f"line {number}", values


def _check_columns(names: Iterable[str]) -> None:
    names = list(names)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ValueError(
            f"expected the columns of ringtrue score, of which {', '.join(missing)} are missing; "
            f"got {', '.join(names)[:200] or 'none'}"
        )


def make_row(values: Mapping[str, Any]) -> ScoreRow:
    """A row from the columns of any format; ValueError says what is wrong with it."""
    path = values.get("path")
    if not isinstance(path, str) or not path:
        raise ValueError("expected a path")
    texts = {name: str(values.get(name) or "") for name in _TEXTS}
    if not texts["error"] and texts["verdict"] not in KINDS[:-1]:
        raise ValueError(f"expected a verdict of {', '.join(KINDS[:-1])}, got {texts['verdict']!r}")
    numbers = {name: _number(name, values.get(name)) for name in DECIMALS}
    return ScoreRow(path=path, reasons=_reasons(values.get("reasons")), **texts, **numbers)  # type: ignore[arg-type]


def _number(name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number in {name}, got {str(value)[:40]!r}")
    return number


def _reasons(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part for part in value.split("; ") if part)
    if isinstance(value, list | tuple):
        return tuple(str(part) for part in value)
    return ()

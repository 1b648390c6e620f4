"""Manifests of recordings to score: CSV, JSON lines or Parquet with the columns id and path."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringtrue.inference.extras import MissingExtraError


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a manifest.

    Attributes:
        id: what the recording is called elsewhere.
        path: the recording; relative paths of the file are resolved against its folder.
    """

    id: str
    path: str


def read_manifest(file: Path) -> list[Entry]:
    """The entries of a manifest ``.csv``, ``.jsonl`` or ``.parquet``; other columns are ignored.

    Raises:
        ValueError: another ending, a column or value is missing, or it is damaged.
        OSError: it cannot be read.
        MissingExtraError: Parquet without pyarrow.
    """
    readers = {
        ".csv": _csv,
        ".jsonl": _jsonl,
        ".ndjson": _jsonl,
        ".parquet": _parquet,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise ValueError(f"expected a manifest ending in .csv, .jsonl or .parquet, got {file}")
    entries = []
    for where, row in reader(file):
        values = []
        for column in ("id", "path"):
            value = row.get(column)
            if value is None or value == "":
                raise ValueError(f"{file}, {where}: expected a value in the column {column!r}")
            values.append(str(value))
        identifier, path = values
        if "://" not in path:
            path = str(file.parent / path)
        entries.append(Entry(identifier, path))
    return entries


def _csv(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.DictReader(stream)
            for row in reader:
                yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise ValueError(f"{file}: is not a CSV file ({error})") from error


def _jsonl(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with file.open(encoding="utf-8", errors="surrogateescape") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise ValueError(f"{file}, line {number}: is not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ValueError(f"{file}, line {number}: expected an object, got {line[:40]!r}")
            yield f"line {number}", row


def _parquet(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("reading Parquet files", "parquet") from error
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            there = [name for name in ("id", "path") if name in table.schema_arrow.names]
            number = 0
            for batch in table.iter_batches(columns=there):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{file}: is not a Parquet file ({error})") from error

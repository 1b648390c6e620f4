"""Raw manifest rows from JSON Lines, CSV and Parquet, each with its line number.

Only the syntax of the file is judged here; the meaning of the fields belongs to
:mod:`ringtrue.training.manifest`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SUFFIXES = (".jsonl", ".csv", ".parquet")

Row = Mapping[str, Any]


def read_rows(path: Path) -> Iterator[tuple[int, Row | str]]:
    """Yield ``(line number, row)``, or ``(line number, what is wrong)`` for an unreadable line.

    JSON Lines and CSV count lines of the file from 1; Parquet counts rows from 1. Missing values
    (JSON null, empty CSV cell) are left out of the row.

    Raises:
        ValueError: unknown suffix, text that is not UTF-8, or not a Parquet file.
        OSError: the file cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".jsonl":
            yield from _jsonl(path)
        elif suffix == ".csv":
            yield from _csv(path)
        elif suffix == ".parquet":
            yield from _parquet(path)
        else:
            raise ValueError(
                f"{path.name}: expected a manifest ending in {', '.join(SUFFIXES)}, "
                f"got {suffix or 'no suffix'}"
            )
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: expected UTF-8 text, got {error}") from error


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows in the format that the suffix of ``path`` names; replaces the file at once.

    Raises:
        ValueError: unknown suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path.name}: expected a suffix of {', '.join(SUFFIXES)}, got {suffix!r}")
    # Written beside the target and renamed, so that Ctrl-C never leaves half a manifest.
    partial = path.with_name(f".{path.name}.partial")
    try:
        if suffix == ".jsonl":
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            partial.write_text(text, encoding="utf-8")
        elif suffix == ".csv":
            names = list(dict.fromkeys(name for row in rows for name in row))
            with partial.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names, restval="")
                writer.writeheader()
                writer.writerows({k: _flat(v) for k, v in row.items()} for row in rows)
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq

            names = list(dict.fromkeys(name for row in rows for name in row))
            columns = {name: [_flat(row.get(name)) for row in rows] for name in names}
            pq.write_table(pa.table(columns), partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _flat(value: Any) -> Any:
    """Nested extra values as JSON text, since table cells hold scalars."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _jsonl(path: Path) -> Iterator[tuple[int, Row | str]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                yield number, f"expected one JSON object, got invalid JSON ({error.msg})"
                continue
            if isinstance(row, dict):
                yield number, {k: v for k, v in row.items() if v is not None}
            else:
                yield number, f"expected one JSON object, got {type(row).__name__}"


def _csv(path: Path) -> Iterator[tuple[int, Row | str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="")
        try:
            for row in reader:
                if "" in row:
                    columns = len(reader.fieldnames or ())
                    yield reader.line_num, f"expected {columns} columns, got more"
                    continue
                yield reader.line_num, {k: v for k, v in row.items() if v not in (None, "")}
        except csv.Error as error:
            yield reader.line_num, f"expected CSV, got {error}"


def _parquet(path: Path) -> Iterator[tuple[int, Row | str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path.name}: expected a Parquet file, got {error}") from error
    for number, row in enumerate(table.to_pylist(), start=1):
        yield number, {k: v for k, v in row.items() if v is not None}

"""The journal beside the results: one line per recording as soon as it is scored.

It is what makes a job resumable. Every line is written whole and at once; a line that a crash or a
power cut left torn is dropped on the next start. A recording is known by a key: the digest of the
job's settings (model bytes, operating point, channels, raw format, evidence), of its name and id,
and of its place, size and time of change, or of its content.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any

from ringtrue.inference.bulk.task import Task
from ringtrue.inference.rows import row_values
from ringtrue.inference.score import ScoreRow

VERSION = 1
_SYNC_SECONDS = 5.0
_NAMES = tuple(field.name for field in fields(ScoreRow))


class JournalError(ValueError):
    """The journal is of another kind, or another job is writing it."""


def journal_path(out: Path) -> Path:
    """Where the journal of the results ``out`` is."""
    return out.with_name(out.name + ".journal")


def task_key(task: Task, settings_digest: str, content: bool = False) -> str:
    """What tells finished work from other work, 32 hex digits."""
    text = "\0".join((settings_digest, task.name, task.id, task.source.identity(content)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


class Journal:
    """An open journal.

    Args:
        path: the file.
        resume: read what an earlier job left; otherwise that is set aside as ``path.old``.

    Attributes:
        done: by key, where the line of a recording is that was scored without error.

    Raises:
        JournalError: the file is not a journal of this version, or in use.
        OSError: it cannot be read or written.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        self.done: dict[str, int] = {}
        self._synced = time.monotonic()
        there = path.exists() and path.stat().st_size > 0
        if there and not resume:
            probe = os.open(path, os.O_RDWR)
            try:
                _lock(probe, path)
                os.replace(path, path.with_name(path.name + ".old"))
            finally:
                os.close(probe)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._file, path)
            self._end = self._read()
            os.ftruncate(self._file, self._end)
            if self._end == 0:
                self._append({"ringtrue_journal": VERSION})
        except BaseException:
            os.close(self._file)
            raise

    def _read(self) -> int:
        """Index the lines; the length of the file up to its last whole one."""
        end = 0
        with open(self.path, "rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                record = _parsed(line)
                if end == 0 and (record or {}).get("ringtrue_journal") != VERSION:
                    raise JournalError(
                        f"{self.path}: expected a journal of version {VERSION}; "
                        "remove it or name another --out"
                    )
                if record is not None and "key" in record:
                    if any(row.get("error") for row in record["rows"]):
                        self.done.pop(record["key"], None)
                    else:
                        self.done[record["key"]] = end
                end += len(line)
        return end

    def add(self, key: str, rows: Iterable[ScoreRow]) -> int:
        """Append the rows of a recording; where its line is.

        Raises:
            OSError: it cannot be written, for example because the disk is full. What was written
                before stays.
        """
        where = self._end
        self._append({"key": key, "rows": [row_values(row, with_id=True) for row in rows]})
        return where

    def _append(self, record: dict[str, Any]) -> None:
        line = (json.dumps(record) + "\n").encode("ascii")
        os.lseek(self._file, self._end, os.SEEK_SET)
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        if written != len(line):
            os.ftruncate(self._file, self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._end += written
        now = time.monotonic()
        if now - self._synced > _SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Let the lines survive a power cut, too."""
        os.fsync(self._file)
        self._synced = time.monotonic()

    def rows(self, where: int) -> list[ScoreRow]:
        """The rows of the line at ``where``."""
        os.lseek(self._file, where, os.SEEK_SET)
        line = b""
        while not line.endswith(b"\n"):
            part = os.read(self._file, 8192)
            if not part:
                raise JournalError(f"{self.path}: expected a line at {where}, got the end")
            head, newline, _ = part.partition(b"\n")
            line += head + newline
        record = json.loads(line)
        return [_row(values) for values in record["rows"]]

    def close(self) -> None:
        """Write everything to the disk and close."""
        try:
            self.sync()
        finally:
            os.close(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _row(values: dict[str, Any]) -> ScoreRow:
    known = {name: values[name] for name in _NAMES if name in values}
    return ScoreRow(**known | {"reasons": tuple(values.get("reasons") or ())})


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None for a damaged one."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    if "ringtrue_journal" in record:
        return record
    rows = record.get("rows")
    if not isinstance(record.get("key"), str) or not isinstance(rows, list) or not rows:
        return None
    return record if all(isinstance(row, dict) for row in rows) else None


def _lock(file: int, path: Path) -> None:
    """Keep others out; the lock ends with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise JournalError(f"{path}: another ringtrue is writing to it") from error

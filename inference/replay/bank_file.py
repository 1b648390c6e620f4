"""The SQLite file of a prompt bank: schema, opening, versions, errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

APPLICATION_ID: Final = 0x52545042  # "RTPB"
SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 10.0

_SCHEMA: Final = """
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE
);
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    key_id INTEGER NOT NULL REFERENCES keys (id),
    seconds REAL NOT NULL,
    is_evidence INTEGER NOT NULL,
    label TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX prompts_by_last_seen ON prompts (is_evidence DESC, last_seen);
CREATE TABLE heard (
    prompt_id INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    call TEXT NOT NULL,
    date TEXT NOT NULL,
    start REAL NOT NULL,
    PRIMARY KEY (prompt_id, call)
) WITHOUT ROWID;
CREATE INDEX heard_by_call ON heard (call);
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
"""


class BankError(ValueError):
    """A bank that is missing, damaged, of another version, or not a bank."""


def connect(path: Path, create: bool) -> sqlite3.Connection:
    """A connection to the bank, made empty if asked for.

    Write-ahead logging lets others read while one writes, and leaves the bank whole after a crash.

    Raises:
        BankError: missing (without ``create``), not a bank, damaged, or of another version.
        OSError: the file or its folder cannot be used.
    """
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder, expected the file of a bank", str(path))
    if not path.exists():
        if not create:
            raise BankError(f"no prompt bank at {path}; 'ringtrue bank add' makes one")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    with explained(path):
        with path.open("rb"):  # so that a missing permission is told as such
            pass
        base = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(base, path)
        except BaseException:
            base.close()
            raise
        return base


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns errors of SQLite into a :class:`BankError` that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise BankError(f"{path} is being written by another process; try again") from error
        if "full" in text:
            raise OSError(28, "no space left for the prompt bank", str(path)) from error
        raise BankError(f"cannot use the prompt bank {path}: {text}") from error
    except sqlite3.DatabaseError as error:
        raise BankError(
            f"{path} is damaged or not a prompt bank ({error}); restore it from an export, "
            "or delete it to start anew"
        ) from error


def _prepare(base: sqlite3.Connection, path: Path) -> None:
    base.execute("PRAGMA foreign_keys = ON")
    # What is forgotten is overwritten with zeros.
    base.execute("PRAGMA secure_delete = ON")
    application = _number(base, "application_id")
    tables = int(base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application == 0 and tables == 0:
        _create(base, path)
        application = _number(base, "application_id")
    if application != APPLICATION_ID:
        raise BankError(f"{path} is an SQLite file, but not a prompt bank")
    version = _number(base, "user_version")
    if version != SCHEMA_VERSION:
        raise BankError(
            f"{path} has version {version} of the bank's format, this ringtrue reads version "
            f"{SCHEMA_VERSION}"
        )


def _create(base: sqlite3.Connection, path: Path) -> None:
    if not path.stat().st_size:
        base.execute("PRAGMA auto_vacuum = INCREMENTAL")
        base.execute("PRAGMA journal_mode = WAL")
    base.execute("BEGIN IMMEDIATE")
    # Another process may have made it in the meantime.
    if _number(base, "application_id") == 0:
        for statement in _SCHEMA.split(";\n"):
            if statement.strip():
                base.execute(statement)
        base.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        base.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    base.execute("COMMIT")


def _number(base: sqlite3.Connection, pragma: str) -> int:
    return int(base.execute(f"PRAGMA {pragma}").fetchone()[0])

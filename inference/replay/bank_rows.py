"""The tables of a prompt bank: reading and writing their rows, without what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from ringtrue.inference.replay.bank_file import BankError, connect, explained
from ringtrue.inference.replay.bank_records import PromptInfo, Stored
from ringtrue.inference.replay.keyed import Keyed, new_key
from ringtrue.inference.replay.prompt import Prompt

_SELECT_INFO = (
    "SELECT id, name, seconds, is_evidence, label, first_seen, last_seen, "
    "(SELECT count(*) FROM heard WHERE prompt_id = prompts.id) AS calls FROM prompts"
)


class BankRows:
    """The rows of one bank's file.

    Args:
        path: the file.
        create: make it when it is missing.

    Raises:
        BankError: missing, damaged, of another version, or not a bank.
        OSError: it cannot be read or written.
    """

    def __init__(self, path: Path, create: bool) -> None:
        self.path = path
        self._base = connect(path, create)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all that is written inside, or nothing."""
        with explained(self.path):
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    def version(self) -> int:
        """Changes when another connection wrote."""
        return int(self._base.execute("PRAGMA data_version").fetchone()[0])

    # ---- reading

    def count(self) -> int:
        """Number of prompts."""
        return int(self._base.execute("SELECT count(*) FROM prompts").fetchone()[0])

    def limit(self) -> int | None:
        """Most prompts to hold, None where it was never set."""
        row = self._base.execute("SELECT value FROM settings WHERE name = 'max_prompts'").fetchone()
        return None if row is None else int(row[0])

    def info(self, number: int) -> PromptInfo:
        """The prompt of a number."""
        row = self._base.execute(f"{_SELECT_INFO} WHERE id = ?", (number,)).fetchone()
        return _info(row[1:])

    def infos(self) -> dict[int, PromptInfo]:
        """All prompts by number, those heard in most calls first."""
        rows = self._base.execute(f"{_SELECT_INFO} ORDER BY calls DESC, last_seen DESC, id")
        return {row[0]: _info(row[1:]) for row in rows.fetchall()}

    def prompts(self) -> Iterator[tuple[bytes, list[int], list[Prompt]]]:
        """Key, numbers and prompts of each key that has some."""
        for key_id, key in self._base.execute("SELECT id, key FROM keys").fetchall():
            rows = self._base.execute(
                "SELECT id, data FROM prompts WHERE key_id = ? ORDER BY id", (key_id,)
            ).fetchall()
            if rows:
                yield bytes(key), [row[0] for row in rows], [self._parse(row[1]) for row in rows]

    def stored(self) -> Iterator[Stored]:
        """All prompts with their data, in the order they came."""
        rows = self._base.execute(
            "SELECT p.id, k.key, p.data, p.name, p.seconds, p.is_evidence, p.label, "
            "p.first_seen, p.last_seen FROM prompts p JOIN keys k ON k.id = p.key_id "
            "ORDER BY p.id"
        ).fetchall()
        for number, key, data, *info in rows:
            heard = self._base.execute(
                "SELECT call, date, start FROM heard WHERE prompt_id = ? ORDER BY date, call",
                (number,),
            ).fetchall()
            calls = tuple((str(c), str(d), float(s)) for c, d, s in heard)
            yield Stored(_info((*info, len(calls))), bytes(key), self._parse(data), calls)

    def own_key(self) -> tuple[Keyed, int]:
        """The key of this bank and its number, made with its first prompt."""
        row = self._base.execute("SELECT key, id FROM keys ORDER BY id LIMIT 1").fetchone()
        if row is None:
            cursor = self._base.execute("INSERT INTO keys (key) VALUES (?)", (new_key(),))
            row = self._base.execute(
                "SELECT key, id FROM keys WHERE id = ?", (cursor.lastrowid,)
            ).fetchone()
        return Keyed(row[0]), int(row[1])

    def key_number(self, key: bytes) -> int:
        """Number of another bank's key, kept from now on."""
        self._base.execute("INSERT OR IGNORE INTO keys (key) VALUES (?)", (key,))
        return int(self._base.execute("SELECT id FROM keys WHERE key = ?", (key,)).fetchone()[0])

    def check(self) -> None:
        """Read everything.

        Raises:
            BankError: something is damaged.
        """
        result = self._base.execute("PRAGMA integrity_check").fetchone()[0]
        if result != "ok":
            raise BankError(f"{self.path} is damaged: {result}")
        for _ in self.stored():
            pass

    # ---- writing

    def set_limit(self, count: int) -> None:
        """Change the most prompts to hold."""
        self._base.execute(
            "INSERT OR REPLACE INTO settings VALUES ('max_prompts', ?)", (int(count),)
        )

    def insert(self, prompt: Prompt, key_number: int, info: PromptInfo) -> int | None:
        """Number of the new prompt, or None if there is one of its name."""
        cursor = self._base.execute(
            "INSERT OR IGNORE INTO prompts (name, key_id, seconds, is_evidence, label, "
            "first_seen, last_seen, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                info.name,
                key_number,
                info.seconds,
                int(info.is_evidence),
                info.label,
                info.first_seen,
                info.last_seen,
                prompt.to_bytes(),
            ),
        )
        return cursor.lastrowid if cursor.rowcount else None

    def rule_out(self, prompt: PromptInfo, label: str) -> None:
        """List a prompt as no evidence."""
        self._base.execute(
            "UPDATE prompts SET is_evidence = 0, label = ? WHERE name = ?",
            (label or prompt.label, prompt.name),
        )

    def hear(self, name: str, call: str, day: str, start: float) -> None:
        """Note that a prompt was heard in a call, at ``start`` s; once per call."""
        self._base.execute(
            "INSERT INTO heard SELECT id, ?, ?, ? FROM prompts WHERE name = ? "
            "ON CONFLICT (prompt_id, call) DO NOTHING",
            (call, day, start, name),
        )
        self._base.execute(
            "UPDATE prompts SET first_seen = min(first_seen, ?), last_seen = max(last_seen, ?) "
            "WHERE name = ?",
            (day, day, name),
        )

    def evict(self, count: int) -> None:
        """Delete the prompts not heard for longest."""
        # What was listed as no evidence goes last: the user chose it.
        self._base.execute(
            "DELETE FROM prompts WHERE id IN (SELECT id FROM prompts "
            "ORDER BY is_evidence DESC, last_seen, id LIMIT ?)",
            (count,),
        )

    def delete_prompt(self, beginning: str) -> None:
        """Delete the prompt whose name begins so.

        Raises:
            ValueError: several do.
        """
        rows = self._base.execute("SELECT name FROM prompts").fetchall()
        names = [row for row in rows if row[0].startswith(beginning)]
        if len(names) > 1:
            raise ValueError(f"{beginning!r} fits {len(names)} prompts; give more digits")
        self._base.executemany("DELETE FROM prompts WHERE name = ?", names)

    def delete_call(self, call: str) -> None:
        """Delete a call's hearings, and prompts heard in no other call."""
        self._base.execute(
            "DELETE FROM prompts WHERE id IN (SELECT prompt_id FROM heard WHERE call = ?) "
            "AND NOT EXISTS (SELECT 1 FROM heard WHERE prompt_id = prompts.id AND call <> ?)",
            (call, call),
        )
        self._base.execute("DELETE FROM heard WHERE call = ?", (call,))

    def delete_before(self, day: date) -> None:
        """Delete prompts last seen before a day."""
        self._base.execute("DELETE FROM prompts WHERE last_seen < ?", (day.isoformat(),))

    def shrink(self) -> None:
        """Take what was deleted out of the file too, not only out of the tables."""
        self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._base.execute("PRAGMA incremental_vacuum").fetchall()

    def _parse(self, data: bytes) -> Prompt:
        try:
            return Prompt.from_bytes(data)
        except ValueError as error:
            raise BankError(
                f"{self.path}: {error}; restore it from an export, or delete it to start anew"
            ) from error


def _info(row: Sequence[object]) -> PromptInfo:
    name, seconds, is_evidence, label, first, last, calls = row
    return PromptInfo(
        str(name),
        float(str(seconds)),
        bool(is_evidence),
        str(label),
        str(first),
        str(last),
        int(str(calls)),
    )

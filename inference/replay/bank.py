"""The prompt bank: what was heard in earlier calls, as one-way hashes in an SQLite file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final

from ringtrue.inference.replay.bank_file import BankError, connect, explained
from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.frames import seconds_of
from ringtrue.inference.replay.keyed import KEY_BYTES, Keyed, new_key
from ringtrue.inference.replay.likelihood import BANK_BAR
from ringtrue.inference.replay.prompt import Prompt
from ringtrue.inference.replay.prompt_index import Found, PromptIndex

MAX_PROMPTS: Final = 10_000
"""Prompts that a new bank holds before it forgets those not seen for longest."""
MIN_PROMPT_SECONDS: Final = 1.5
"""Shorter stretches are not added."""
MAX_PARTS: Final = 16
"""Parts of the copy in memory; after so many additions it is read anew as one."""

_SELECT_INFO: Final = (
    "SELECT name, seconds, is_evidence, label, first_seen, last_seen, "
    "(SELECT count(*) FROM heard WHERE prompt_id = prompts.id) AS calls FROM prompts"
)


@dataclass(frozen=True)
class PromptInfo:
    """What the bank knows of a prompt.

    Attributes:
        name: 12 hexadecimal digits.
        seconds: length in s.
        is_evidence: False for material such as announcements and hold music that says nothing
            about the caller.
        label: what the user calls it; often empty.
        first_seen: ISO date of the first call with it.
        last_seen: ISO date of the last.
        calls: number of calls it was heard in.
    """

    name: str
    seconds: float
    is_evidence: bool
    label: str
    first_seen: str
    last_seen: str
    calls: int


@dataclass(frozen=True)
class BankMatch:
    """A prompt of the bank that was heard.

    Attributes:
        number: of the prompt in this bank's file.
        prompt: which one.
        start: s of the query at which the match begins.
        stop: s at which it ends.
        score: how sure it is; see ``likelihood.bank_score``.
    """

    number: int
    prompt: PromptInfo
    start: float
    stop: float
    score: float


@dataclass(frozen=True)
class Stored:
    """A prompt with its data, as it is exported."""

    info: PromptInfo
    key: bytes
    prompt: Prompt
    heard: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Added:
    """What adding a call did: prompts that are new, and known ones that were heard again."""

    new: int
    known: int


class PromptBank:
    """A bank of prompts in an SQLite file.

    Holds keyed one-way hashes, lengths, dates and the call names it is given; no audio. Several
    processes may read while one writes. Lookups use a copy in memory, read at the first lookup
    and again by :meth:`refresh`.

    Args:
        path: the file.
        create: make it when it is missing.

    Raises:
        BankError: missing, damaged, of another version, or not a bank.
        OSError: it cannot be read or written.
    """

    def __init__(self, path: str | Path, create: bool = False) -> None:
        self.path = Path(path)
        self._base = connect(self.path, create)
        self._version = -1
        self._indexes: list[tuple[PromptIndex, list[int]]] = []
        self._infos: dict[int, PromptInfo] = {}

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def __enter__(self) -> PromptBank:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        with explained(self.path):
            return int(self._base.execute("SELECT count(*) FROM prompts").fetchone()[0])

    @property
    def max_prompts(self) -> int:
        """Prompts that the bank holds at most."""
        with explained(self.path):
            row = self._base.execute(
                "SELECT value FROM settings WHERE name = 'max_prompts'"
            ).fetchone()
        return MAX_PROMPTS if row is None else int(row[0])

    def set_max_prompts(self, count: int) -> int:
        """Change the limit; the number of prompts that were forgotten for it.

        Raises:
            ValueError: less than 1.
        """
        if count < 1:
            raise ValueError(f"expected room for at least 1 prompt, got {count}")
        with self._writing():
            self._base.execute(
                "INSERT OR REPLACE INTO settings VALUES ('max_prompts', ?)", (int(count),)
            )
            return self._evict()

    # ---- looking up

    def refresh(self) -> None:
        """Read what others wrote since; costs little when nothing changed."""
        with explained(self.path):
            version = self._data_version()
            if version != self._version:
                self._load()
                self._version = version

    def lookup(self, heard: Fingerprint, bar: float = BANK_BAR) -> list[BankMatch]:
        """Prompts in a stretch of a call, the surest first.

        Args:
            heard: fingerprint of the stretch, best 3 s or more.
            bar: score that a match must reach.
        """
        if self._version < 0:
            self.refresh()
        return self._search(heard, bar, [])

    def _search(
        self, heard: Fingerprint, bar: float, more: Sequence[tuple[PromptIndex, Sequence[int]]]
    ) -> list[BankMatch]:
        found: list[tuple[Found, int]] = []
        for index, ids in (*self._indexes, *more):
            hits = index.search(heard.codes, heard.frames, heard.shape, bar)
            found.extend((hit, ids[hit.prompt]) for hit in hits)
        found.sort(key=lambda pair: -pair[0].score)
        return [_match(hit, number, self._infos[number]) for hit, number in found]

    def _data_version(self) -> int:
        return int(self._base.execute("PRAGMA data_version").fetchone()[0])

    def _read_info(self, number: int) -> PromptInfo:
        row = self._base.execute(f"{_SELECT_INFO} WHERE id = ?", (number,)).fetchone()
        return _info(row[:6], row[6])

    def _load(self) -> None:
        indexes: list[tuple[PromptIndex, list[int]]] = []
        rows = self._base.execute(_SELECT_INFO.replace("SELECT", "SELECT id,", 1)).fetchall()
        self._infos = {number: _info(row[:6], row[6]) for number, *row in rows}
        for key_id, key in self._base.execute("SELECT id, key FROM keys").fetchall():
            stored = self._base.execute(
                "SELECT id, data FROM prompts WHERE key_id = ? ORDER BY id", (key_id,)
            ).fetchall()
            if stored:
                prompts = [self._parse(data) for _, data in stored]
                indexes.append((PromptIndex(prompts, Keyed(key)), [row[0] for row in stored]))
        self._indexes = indexes

    def _parse(self, data: bytes) -> Prompt:
        try:
            return Prompt.from_bytes(data)
        except ValueError as error:
            raise BankError(
                f"{self.path}: {error}; restore it from an export, or delete it to start anew"
            ) from error

    # ---- adding

    def add_call(
        self,
        segments: Sequence[tuple[float, Fingerprint]],
        call: str,
        when: date | None = None,
        *,
        is_evidence: bool = True,
        label: str = "",
    ) -> Added:
        """Keep the stretches of speech of one call.

        A stretch that holds a known prompt counts as another hearing of it; any other becomes a
        new prompt. All or nothing is written. Adding a call again changes nothing.

        Args:
            segments: s of the call at which a stretch begins, and its fingerprint.
            call: name of the call; two calls have two names.
            when: its date, today by default.
            is_evidence: False to list the stretches as material that says nothing.
            label: name for the new prompts.

        Raises:
            ValueError: an empty call name.
            BankError: the bank cannot be written.
        """
        if not call:
            raise ValueError("expected a name for the call, got an empty one")
        day = (when or date.today()).isoformat()
        new = known = 0
        # What a failure leaves in memory must not outlive it.
        version, self._version = self._version, -1
        with self._writing():
            now = self._data_version()
            if version != now:
                self._load()
            keyed, key_id = self._own_key()
            fresh: list[int] = []
            touched: set[int] = set()
            prompts: list[Prompt] = []
            for start, heard in segments:
                if heard.seconds < MIN_PROMPT_SECONDS or not len(heard.codes):
                    continue
                matches = self._search(heard, BANK_BAR, [(PromptIndex(prompts, keyed), fresh)])
                for match in matches:
                    touched.add(match.number)
                    self._hear(match.prompt.name, call, day, start + match.start)
                    if not is_evidence:
                        self._rule_out(match.prompt, label)
                if matches:
                    known += 1
                    continue
                prompt = Prompt.of(heard, keyed)
                number = self._insert(prompt, key_id, day, is_evidence, label)
                self._hear(prompt.name, call, day, start)
                if number:
                    prompts.append(prompt)
                    fresh.append(number)
                    touched.add(number)
                    self._infos[number] = self._read_info(number)
                    new += 1
            evicted = self._evict()
        if not evicted and len(self._indexes) < MAX_PARTS:
            if prompts:
                self._indexes.append((PromptIndex(prompts, keyed), fresh))
            for number in touched:
                self._infos[number] = self._read_info(number)
            self._version = now
        return Added(new, known)

    def _insert(
        self, prompt: Prompt, key_id: int, day: str, is_evidence: bool, label: str
    ) -> int | None:
        """Number of the new prompt, or None if there is one of its name."""
        cursor = self._base.execute(
            "INSERT OR IGNORE INTO prompts (name, key_id, seconds, is_evidence, label, "
            "first_seen, last_seen, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                prompt.name,
                key_id,
                prompt.seconds,
                int(is_evidence),
                label,
                day,
                day,
                prompt.to_bytes(),
            ),
        )
        return cursor.lastrowid if cursor.rowcount else None

    def _rule_out(self, prompt: PromptInfo, label: str) -> None:
        self._base.execute(
            "UPDATE prompts SET is_evidence = 0, label = ? WHERE name = ?",
            (label or prompt.label, prompt.name),
        )

    def _hear(self, name: str, call: str, day: str, start: float) -> None:
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

    def _own_key(self) -> tuple[Keyed, int]:
        """The key of this bank, made with its first prompt."""
        row = self._base.execute("SELECT key, id FROM keys ORDER BY id LIMIT 1").fetchone()
        if row is None:
            cursor = self._base.execute("INSERT INTO keys (key) VALUES (?)", (new_key(),))
            row = self._base.execute(
                "SELECT key, id FROM keys WHERE id = ?", (cursor.lastrowid,)
            ).fetchone()
        return Keyed(row[0]), int(row[1])

    def _evict(self) -> int:
        over = len(self) - self.max_prompts
        if over <= 0:
            return 0
        # What was listed as no evidence goes last: the user chose it.
        self._base.execute(
            "DELETE FROM prompts WHERE id IN (SELECT id FROM prompts "
            "ORDER BY is_evidence DESC, last_seen, id LIMIT ?)",
            (over,),
        )
        return over

    # ---- listing, exchanging, forgetting

    def list(self) -> list[PromptInfo]:
        """All prompts, the ones heard in most calls first."""
        with explained(self.path):
            rows = self._base.execute(
                f"{_SELECT_INFO} ORDER BY calls DESC, last_seen DESC, id"
            ).fetchall()
        return [_info(row[:6], row[6]) for row in rows]

    def stored(self) -> Iterator[Stored]:
        """All prompts with their data, in the order they came."""
        with explained(self.path):
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
                yield Stored(_info(info, len(calls)), bytes(key), self._parse(data), calls)

    def take_in(self, prompts: Iterator[Stored]) -> Added:
        """Merge the prompts of another bank, all or nothing.

        Prompts of the same name are the same; the calls that either heard count. Hashes are
        one-way, so prompts of another key keep it.

        Raises:
            ValueError: a prompt with a wrong key or name.
        """
        new = known = 0
        with self._writing():
            for item in prompts:
                if len(item.key) != KEY_BYTES or item.prompt.name != item.info.name:
                    raise ValueError(f"prompt {item.info.name!r} does not fit its data or key")
                self._base.execute("INSERT OR IGNORE INTO keys (key) VALUES (?)", (item.key,))
                info = item.info
                cursor = self._base.execute(
                    "INSERT OR IGNORE INTO prompts (name, key_id, seconds, is_evidence, label, "
                    "first_seen, last_seen, data) SELECT ?, id, ?, ?, ?, ?, ?, ? FROM keys "
                    "WHERE key = ?",
                    (
                        info.name,
                        info.seconds,
                        int(info.is_evidence),
                        info.label,
                        info.first_seen,
                        info.last_seen,
                        item.prompt.to_bytes(),
                        item.key,
                    ),
                )
                new, known = (new + 1, known) if cursor.rowcount else (new, known + 1)
                for call, day, start in item.heard:
                    self._hear(info.name, call, day, start)
            self._evict()
        self._version = -1
        return Added(new, known)

    def forget(self, *, prompt: str = "", call: str = "", before: date | None = None) -> int:
        """Delete prompts; the number of prompts deleted.

        Args:
            prompt: the beginning of a prompt's name.
            call: a call: its hearings, and prompts heard in no other call.
            before: prompts last seen before this day.

        Raises:
            ValueError: nothing was named, or the beginning fits several prompts.
        """
        if sum((bool(prompt), bool(call), before is not None)) != 1:
            raise ValueError("expected exactly one of a prompt, a call or a day")
        with self._writing():
            count = len(self)
            if prompt:
                names = [
                    row[0]
                    for row in self._base.execute("SELECT name FROM prompts")
                    if row[0].startswith(prompt)
                ]
                if len(names) > 1:
                    raise ValueError(f"{prompt!r} fits {len(names)} prompts; give more digits")
                self._base.executemany("DELETE FROM prompts WHERE name = ?", [(n,) for n in names])
            elif call:
                self._base.execute(
                    "DELETE FROM prompts WHERE id IN (SELECT prompt_id FROM heard WHERE call = ?) "
                    "AND NOT EXISTS (SELECT 1 FROM heard WHERE prompt_id = prompts.id "
                    "AND call <> ?)",
                    (call, call),
                )
                self._base.execute("DELETE FROM heard WHERE call = ?", (call,))
            elif before is not None:
                self._base.execute("DELETE FROM prompts WHERE last_seen < ?", (before.isoformat(),))
            deleted = count - len(self)
        with explained(self.path):
            # Forgotten means gone from the file too, not only from the tables.
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._base.execute("PRAGMA incremental_vacuum").fetchall()
        self._version = -1
        return deleted

    def check(self) -> None:
        """Read everything.

        Raises:
            BankError: something is damaged.
        """
        with explained(self.path):
            result = self._base.execute("PRAGMA integrity_check").fetchone()[0]
        if result != "ok":
            raise BankError(f"{self.path} is damaged: {result}")
        for _ in self.stored():
            pass

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with explained(self.path):
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")


def _info(row: Sequence[object], calls: int) -> PromptInfo:
    name, seconds, is_evidence, label, first, last = row
    return PromptInfo(
        str(name), float(str(seconds)), bool(is_evidence), str(label), str(first), str(last), calls
    )


def _match(found: Found, number: int, info: PromptInfo) -> BankMatch:
    return BankMatch(
        number,
        info,
        max(0.0, seconds_of(found.start)),
        seconds_of(found.stop),
        found.score,
    )

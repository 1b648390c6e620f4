"""The prompt bank: what was heard in earlier calls, as one-way hashes in an SQLite file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import Final

from ringtrue.inference.replay.bank_copy import BankCopy
from ringtrue.inference.replay.bank_file import explained
from ringtrue.inference.replay.bank_records import Added, BankMatch, PromptInfo, Stored
from ringtrue.inference.replay.bank_rows import BankRows
from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.keyed import KEY_BYTES
from ringtrue.inference.replay.likelihood import BANK_BAR
from ringtrue.inference.replay.prompt import Prompt
from ringtrue.inference.replay.prompt_index import PromptIndex

MAX_PROMPTS: Final = 10_000
"""Prompts that a new bank holds before it forgets those not seen for longest."""
MIN_PROMPT_SECONDS: Final = 1.5
"""Shorter stretches are not added."""


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
        self._rows = BankRows(self.path, create)
        self._copy = BankCopy()
        self._version = -1

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def __enter__(self) -> PromptBank:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        with explained(self.path):
            return self._rows.count()

    @property
    def max_prompts(self) -> int:
        """Prompts that the bank holds at most."""
        with explained(self.path):
            limit = self._rows.limit()
        return MAX_PROMPTS if limit is None else limit

    def set_max_prompts(self, count: int) -> int:
        """Change the limit; the number of prompts that were forgotten for it.

        Raises:
            ValueError: less than 1.
        """
        if count < 1:
            raise ValueError(f"expected room for at least 1 prompt, got {count}")
        with self._rows.writing():
            self._rows.set_limit(count)
            gone = self._evict()
        # SQLite does not tell a connection of its own writes.
        self._version = -1
        return gone

    @property
    def digest(self) -> str:
        """Of all that a lookup can tell: prompts, labels, dates, calls. The first 16 hex digits of
        a SHA-256; a prompt's name stands for its hashes."""
        with explained(self.path):
            infos = self._rows.infos().values()
        text = json.dumps(sorted(astuple(info) for info in infos))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # ---- looking up

    def refresh(self) -> None:
        """Read what others wrote since; costs little when nothing changed."""
        with explained(self.path):
            version = self._rows.version()
            if version != self._version:
                self._copy.read(self._rows)
                self._version = version

    def lookup(self, heard: Fingerprint, bar: float = BANK_BAR) -> list[BankMatch]:
        """Prompts in a stretch of a call, the surest first.

        Args:
            heard: fingerprint of the stretch, best 3 s or more.
            bar: score that a match must reach.
        """
        if self._version < 0:
            self.refresh()
        return self._copy.search(heard, bar)

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
        rows, copy = self._rows, self._copy
        with rows.writing():
            now = rows.version()
            if version != now:
                copy.read(rows)
            keyed, key_number = rows.own_key()
            fresh: list[int] = []
            touched: set[int] = set()
            prompts: list[Prompt] = []
            for start, heard in segments:
                if heard.seconds < MIN_PROMPT_SECONDS or not len(heard.codes):
                    continue
                matches = copy.search(heard, BANK_BAR, [(PromptIndex(prompts, keyed), fresh)])
                for match in matches:
                    touched.add(match.number)
                    rows.hear(match.prompt.name, call, day, start + match.start)
                    if not is_evidence:
                        rows.rule_out(match.prompt, label)
                if matches:
                    known += 1
                    continue
                prompt = Prompt.of(heard, keyed)
                info = PromptInfo(prompt.name, prompt.seconds, is_evidence, label, day, day, 0)
                number = rows.insert(prompt, key_number, info)
                rows.hear(prompt.name, call, day, start)
                if number:
                    prompts.append(prompt)
                    fresh.append(number)
                    touched.add(number)
                    copy.infos[number] = rows.info(number)
                    new += 1
            evicted = self._evict()
        if not evicted and not copy.is_full:
            if prompts:
                copy.add((PromptIndex(prompts, keyed), fresh))
            for number in touched:
                copy.infos[number] = rows.info(number)
            self._version = now
        return Added(new, known)

    def _evict(self) -> int:
        over = len(self) - self.max_prompts
        if over <= 0:
            return 0
        self._rows.evict(over)
        return over

    # ---- listing, exchanging, forgetting

    def list(self) -> list[PromptInfo]:
        """All prompts, the ones heard in most calls first."""
        with explained(self.path):
            return [*self._rows.infos().values()]

    def stored(self) -> Iterator[Stored]:
        """All prompts with their data, in the order they came."""
        with explained(self.path):
            yield from self._rows.stored()

    def take_in(self, prompts: Iterator[Stored]) -> Added:
        """Merge the prompts of another bank, all or nothing.

        Prompts of the same name are the same; the calls that either heard count. Hashes are
        one-way, so prompts of another key keep it.

        Raises:
            ValueError: a prompt with a wrong key or name.
        """
        new = known = 0
        with self._rows.writing():
            for item in prompts:
                if len(item.key) != KEY_BYTES or item.prompt.name != item.info.name:
                    raise ValueError(f"prompt {item.info.name!r} does not fit its data or key")
                number = self._rows.insert(item.prompt, self._rows.key_number(item.key), item.info)
                new, known = (new + 1, known) if number else (new, known + 1)
                for call, day, start in item.heard:
                    self._rows.hear(item.info.name, call, day, start)
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
        with self._rows.writing():
            count = len(self)
            if prompt:
                self._rows.delete_prompt(prompt)
            elif call:
                self._rows.delete_call(call)
            elif before is not None:
                self._rows.delete_before(before)
            deleted = count - len(self)
        with explained(self.path):
            self._rows.shrink()
        self._version = -1
        return deleted

    def check(self) -> None:
        """Read everything.

        Raises:
            BankError: something is damaged.
        """
        with explained(self.path):
            self._rows.check()

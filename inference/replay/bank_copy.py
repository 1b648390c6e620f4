"""The copy of a prompt bank in memory, arranged for looking up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ringtrue.inference.replay.bank_records import BankMatch, PromptInfo
from ringtrue.inference.replay.bank_rows import BankRows
from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.frames import seconds_of
from ringtrue.inference.replay.keyed import Keyed
from ringtrue.inference.replay.prompt_index import Found, PromptIndex

MAX_PARTS: Final = 16
"""Parts of the copy; after so many additions it is to be read anew as one."""

Part = tuple[PromptIndex, Sequence[int]]
"""An index and the numbers in the file of its prompts."""


class BankCopy:
    """What the file held when it was read.

    A thread may look up while another reads the file anew: it sees all of the old or of the new.
    """

    def __init__(self) -> None:
        self._held: tuple[list[Part], dict[int, PromptInfo]] = ([], {})

    @property
    def infos(self) -> dict[int, PromptInfo]:
        """What is known of each prompt, by its number in the file."""
        return self._held[1]

    @property
    def is_full(self) -> bool:
        """No further part should be added."""
        return len(self._held[0]) >= MAX_PARTS

    def read(self, rows: BankRows) -> None:
        """Take everything from the file."""
        infos = rows.infos()
        parts: list[Part] = [
            (PromptIndex(prompts, Keyed(key)), numbers) for key, numbers, prompts in rows.prompts()
        ]
        self._held = (parts, infos)

    def add(self, part: Part) -> None:
        """Take in new prompts; their ``infos`` are set by the caller."""
        self._held[0].append(part)

    def search(self, heard: Fingerprint, bar: float, more: Sequence[Part] = ()) -> list[BankMatch]:
        """Prompts in a stretch of a call, the surest first.

        Args:
            heard: fingerprint of the stretch.
            bar: score that a match must reach.
            more: parts to search beside those of the copy.
        """
        parts, infos = self._held
        found: list[tuple[Found, int]] = []
        for index, numbers in (*parts, *more):
            hits = index.search(heard.codes, heard.frames, heard.shape, bar)
            found.extend((hit, numbers[hit.prompt]) for hit in hits)
        found.sort(key=lambda pair: -pair[0].score)
        return [_match(hit, number, infos[number]) for hit, number in found]


def _match(found: Found, number: int, info: PromptInfo) -> BankMatch:
    return BankMatch(
        number,
        info,
        max(0.0, seconds_of(found.start)),
        seconds_of(found.stop),
        found.score,
    )

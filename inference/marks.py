"""When evidence other than the voice appeared during a call, and in which words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringtrue.inference.evidence.base import Evidence

MARK_STEP = 1.0
"""A stream whose evidence moved by this much (natural log) since its last mark is marked again."""
MAX_MARKS = 200
"""Marks kept per call; later ones are left out."""

_NUMBERS = re.compile(r"\d[\d.,:]*")


@dataclass(frozen=True)
class EvidenceMark:
    """A moment at which a stream had something new to say.

    Attributes:
        at: s of the call.
        stream: name of the stream, such as ``replay``.
        text: its reason, in words with numbers.
        llr: its capped natural-log likelihood ratio robot : human.
    """

    at: float
    stream: str
    text: str
    llr: float


@dataclass
class MarkKeeper:
    """Notes the moments at which a stream's reason appears or says something new.

    Streams reword their reason with every chunk ("after 3.1 s", "after 3.2 s"). A mark is set
    when the reason appears, when its words change other than in numbers, and when the words or
    numbers changed while the evidence moved by :data:`MARK_STEP`. Streams that abstain or say
    nothing are not marked, neither is the voice, whose evidence is a curve of its own.
    """

    marks: list[EvidenceMark] = field(default_factory=list)
    _last: dict[str, EvidenceMark] = field(default_factory=dict)

    def add(self, at: float, evidence: Iterable[Evidence]) -> None:
        """Note what the streams said after the chunk that ended ``at`` s into the call."""
        for item in evidence:
            if item.name == "voice":
                continue
            if item.llr is None or not item.reason:
                self._last.pop(item.name, None)
                continue
            before = self._last.get(item.name)
            if before is not None:
                if before.text == item.reason:
                    continue
                same_words = _NUMBERS.sub("#", before.text) == _NUMBERS.sub("#", item.reason)
                if same_words and abs(item.capped - before.llr) < MARK_STEP:
                    continue
            mark = EvidenceMark(at, item.name, item.reason, item.capped)
            self._last[item.name] = mark
            if len(self.marks) < MAX_MARKS:
                self.marks.append(mark)

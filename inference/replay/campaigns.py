"""Campaigns: recordings that share prompts.

Every stretch of speech is looked up in an inverted index of all stretches, so the work grows with
the number of calls and of true matches, not with the number of pairs. Matching stretches form
clips; recordings that share a clip form a campaign (connected components).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.frames import seconds_of
from ringtrue.inference.replay.keyed import KEY_BYTES, Keyed
from ringtrue.inference.replay.likelihood import BANK_BAR
from ringtrue.inference.replay.prompt import Prompt
from ringtrue.inference.replay.prompt_index import PromptIndex

PARTNERS: Final = 32
"""Stretches that each is compared with; a clip in more calls still hangs together."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of speech of a recording.

    Attributes:
        path: the recording.
        channel: its channel.
        start: s of the recording at which ``heard`` begins.
        heard: fingerprint.
    """

    path: str
    channel: str
    start: float
    heard: Fingerprint


@dataclass(frozen=True)
class Place:
    """Where a clip is heard, s of the recording."""

    path: str
    channel: str
    start: float
    stop: float


@dataclass(frozen=True)
class SharedClip:
    """The same audio in several places, at least two recordings.

    Attributes:
        name: ``A1``, the campaign's letter and a number.
        places: by path and time.
        score: of the weakest link that holds it together; see ``likelihood.bank_score``.
    """

    name: str
    places: tuple[Place, ...]
    score: float

    @property
    def seconds(self) -> float:
        """Length of its longest place in s."""
        return max(place.stop - place.start for place in self.places)


@dataclass(frozen=True)
class Campaign:
    """Recordings that share clips.

    Attributes:
        name: ``A``, ``B``, … the largest first.
        paths: sorted.
        clips: those in most places first.
    """

    name: str
    paths: tuple[str, ...]
    clips: tuple[SharedClip, ...]


@dataclass(frozen=True)
class _Link:
    query: int
    prompt: int
    score: float
    place: tuple[float, float]
    other: tuple[float, float]


class _Groups:
    """Disjoint sets with path halving (Tarjan 1975)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.find(a), self.find(b)))
        self._parent[high] = low


def find_campaigns(
    stretches: Sequence[Stretch] | Callable[[], Iterable[Stretch]],
    bar: float = BANK_BAR,
    progress: Callable[[int], None] | None = None,
) -> list[Campaign]:
    """Campaigns among stretches, the largest first.

    Args:
        stretches: of all recordings; or a function that gives them, asked twice, so that they
            need not be in memory together.
        bar: score that a match must reach.
        progress: told the number of stretches that were looked up.
    """
    again = stretches if callable(stretches) else lambda: stretches
    keyed = Keyed(bytes(KEY_BYTES))
    places: list[tuple[str, str, float]] = []
    prompts: list[Prompt] = []
    for stretch in again():
        if len(stretch.heard.codes):
            places.append((stretch.path, stretch.channel, stretch.start))
            prompts.append(Prompt.of(stretch.heard, keyed))
    index = PromptIndex(prompts, keyed)
    links: list[_Link] = []
    number = 0
    for stretch in again():
        if not len(stretch.heard.codes):
            continue
        heard = stretch.heard
        # One partner is the stretch itself.
        for found in index.search(heard.codes, heard.frames, heard.shape, bar, PARTNERS + 1):
            if found.prompt != number:
                then = places[found.prompt][2]
                now = (
                    stretch.start + seconds_of(found.start),
                    stretch.start + seconds_of(found.stop),
                )
                first = seconds_of(found.start - found.offset)
                last = seconds_of(found.stop - found.offset)
                links.append(
                    _Link(number, found.prompt, found.score, now, (then + first, then + last))
                )
        number += 1
        if progress is not None:
            progress(number)
    return _campaigns(places, links)


def _campaigns(places: list[tuple[str, str, float]], links: list[_Link]) -> list[Campaign]:
    pieces = _pieces(links)
    groups = _Groups(2 * len(links))
    for number in range(len(links)):
        groups.join(2 * number, 2 * number + 1)
    for same in pieces:
        for item in same[1:]:
            groups.join(same[0], item)
    clips: dict[int, tuple[list[Place], float]] = {}
    for number, link in enumerate(links):
        root = groups.find(2 * number)
        found, score = clips.setdefault(root, ([], link.score))
        for stretch, (start, stop) in ((link.query, link.place), (link.prompt, link.other)):
            path, channel, _ = places[stretch]
            found.append(Place(path, channel, max(0.0, start), stop))
        clips[root] = found, min(score, link.score)
    shared = [(_union(found), score) for found, score in clips.values()]
    shared = [(found, score) for found, score in shared if len({p.path for p in found}) > 1]
    names = sorted({place.path for found, _ in shared for place in found})
    number_of = {name: i for i, name in enumerate(names)}
    calls = _Groups(len(names))
    for found, _ in shared:
        for place in found[1:]:
            calls.join(number_of[found[0].path], number_of[place.path])
    members: dict[int, list[str]] = {}
    for name in names:
        members.setdefault(calls.find(number_of[name]), []).append(name)
    out: list[Campaign] = []
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[1]))
    for rank, (root, paths) in enumerate(ordered):
        own = [(f, s) for f, s in shared if calls.find(number_of[f[0].path]) == root]
        own.sort(key=lambda item: (-len(item[0]), item[0][0].path, item[0][0].start))
        letter = _letters(rank)
        out.append(
            Campaign(
                letter,
                tuple(paths),
                tuple(
                    SharedClip(f"{letter}{i}", tuple(found), score)
                    for i, (found, score) in enumerate(own, start=1)
                ),
            )
        )
    return out


def _pieces(links: list[_Link]) -> list[list[int]]:
    """Ends of links (2 i the query's, 2 i + 1 the other's) that lie over each other."""
    ends: dict[int, list[tuple[float, float, int]]] = {}
    for number, link in enumerate(links):
        ends.setdefault(link.query, []).append((*link.place, 2 * number))
        ends.setdefault(link.prompt, []).append((*link.other, 2 * number + 1))
    out: list[list[int]] = []
    for spans in ends.values():
        spans.sort()
        current: list[int] = []
        until = 0.0
        for start, stop, end in spans:
            # Half a second in common, so that neighbours that touch stay apart.
            if current and start < until - 0.5:
                current.append(end)
                until = max(until, stop)
                continue
            if current:
                out.append(current)
            current, until = [end], stop
        out.append(current)
    return out


def _union(places: list[Place]) -> list[Place]:
    """Places of one recording that overlap as one, sorted."""
    out: list[Place] = []
    for place in sorted(places, key=lambda p: (p.path, p.channel, p.start)):
        last = out[-1] if out else None
        same = last is not None and (last.path, last.channel) == (place.path, place.channel)
        if last is not None and same and place.start < last.stop:
            stop = max(last.stop, place.stop)
            out[-1] = Place(last.path, last.channel, last.start, stop)
            continue
        out.append(place)
    return out


def _letters(rank: int) -> str:
    """A, B, … Z, AA, AB, …"""
    text = ""
    rank += 1
    while rank:
        rank, rest = divmod(rank - 1, 26)
        text = chr(65 + rest) + text
    return text

"""Repeats inside one call: where the far end plays what it played before."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ringtrue.inference.replay.coherence import coherence, is_steady, spectra
from ringtrue.inference.replay.compare import APART, LAG, drift, find_stretch
from ringtrue.inference.replay.fingerprint import Piece
from ringtrue.inference.replay.frames import BLOCK_FRAMES, FRAME_RATE
from ringtrue.inference.replay.likelihood import ENOUGH_FRAMES, REPEAT_BAR, repeat_score
from ringtrue.inference.replay.memory import CallMemory

MIN_DISTANCE: Final = round(1.5 * FRAME_RATE)
"""Frames between a place and its repeat; echoes of a line come sooner."""
MIN_VOTES: Final = 6
"""Landmarks that must agree on a distance before shapes are compared."""
VOTING: Final = round(3.0 * FRAME_RATE)
"""Frames of the newest landmarks that vote together."""
COMPARED: Final = round(4.0 * FRAME_RATE)
"""Frames, up to the newest, whose shapes are compared."""
EVERY: Final = 4
"""Blocks between two counts of votes; spreads the work."""
TRIED: Final = 3
"""Most distances that are compared at one count."""
POSTINGS: Final = 32
"""Places remembered per code, the newest; codes that are everywhere say nothing."""
HISTORY: Final = round(600 * FRAME_RATE)
"""Frames of the past that are searched: 10 min."""


@dataclass(frozen=True)
class Repeat:
    """A stretch of a call that is a stretch heard before.

    Attributes:
        start: first frame of the later place.
        stop: frame after its last.
        distance: frames back to the earlier place.
        similarity: correlation 0…1 of the two.
        frames: effective number of frames behind it.
        votes: landmarks that agree.
        span: frames from the first to the last of these landmarks.
        drift: frames by which parts of the later place lie elsewhere in the earlier one.
        coherence: share 0…1 of the waveforms that is in phase.
    """

    start: int
    stop: int
    distance: int
    similarity: float
    frames: float
    votes: int
    span: int
    drift: float
    coherence: float

    @property
    def score(self) -> float:
        """How sure it is; see :func:`repeat_score`."""
        return repeat_score(
            self.similarity,
            self.votes,
            self.frames,
            self.span,
            self.drift,
            self.stop - self.start,
            self.coherence,
        )


class RepeatFinder:
    """Finds repeats in the fingerprint of one call.

    The work per push is bounded: votes are counted every 0.4 s, and only the distances with most
    votes are compared.

    Args:
        memory: samples, shapes and speech of the call.
        seen: is told of every candidate, below the bar too; for measurements.
    """

    def __init__(self, memory: CallMemory, seen: Callable[[Repeat], None] | None = None) -> None:
        self._memory = memory
        self._seen = seen
        self._index: dict[int, list[int]] = {}
        self._indexed = 0
        # Frames, ascending, and distances of the newest landmarks' votes.
        self._voting, self._distances = array("q"), array("q")
        self._blocks = 0
        self._newest: Repeat | None = None
        self._compared: dict[int, int] = {}

    def push(self, piece: Piece) -> list[Repeat]:
        """New repeats, and those that grew, after ``piece`` was added to the memory."""
        self._vote(piece)
        before = self._blocks
        self._blocks += len(piece.shape) // BLOCK_FRAMES
        if self._blocks // EVERY == before // EVERY:
            return []
        return self._count()

    def _vote(self, piece: Piece) -> None:
        index = self._index
        voting: list[int] = []
        distances: list[int] = []
        last, speech = -1, False
        for frame, code in zip(piece.frames, piece.codes, strict=True):
            if frame != last:
                last, speech = frame, self._memory.block_has_speech(frame // BLOCK_FRAMES)
            if not speech:
                continue
            places = index.get(code)
            if places is None:
                index[code] = [frame]
                continue
            far = bisect_right(places, frame - MIN_DISTANCE)
            if far:
                voting += [frame] * far
                distances += [frame - place for place in places[:far]]
            places.append(frame)
            if len(places) > POSTINGS:
                del places[0]
        self._voting.extend(voting)
        self._distances.extend(distances)
        if piece.frames and piece.frames[-1] - self._indexed > HISTORY:
            self._forget(piece.frames[-1] - HISTORY)

    def _forget(self, before: int) -> None:
        kept = {code: [p for p in places if p >= before] for code, places in self._index.items()}
        self._index = {code: places for code, places in kept.items() if places}
        self._indexed = before

    def _count(self) -> list[Repeat]:
        now = self._memory.stop
        first = bisect_left(self._voting, now - VOTING)
        del self._voting[:first], self._distances[:first]
        if len(self._voting) < MIN_VOTES:
            return []
        voting, distances = np.array(self._voting), np.array(self._distances)
        base = int(distances.min())
        single = np.bincount(distances - base + 1)
        votes = np.convolve(single, (1, 1, 1))
        compared: dict[int, int] = {}
        found: list[Repeat] = []
        for _ in range(TRIED):
            top = int(np.argmax(votes))
            count, distance = int(votes[top]), top + base - 2
            if count < MIN_VOTES:
                break
            votes[max(0, top - 3) : top + 4] = 0
            compared[distance] = count
            # Once more only with more votes.
            if max(self._compared.get(distance + i, 0) for i in (-1, 0, 1)) >= count:
                continue
            agreeing = voting[np.abs(distances - distance) <= 1]
            repeat = self._compare(distance, now, count, int(agreeing[-1] - agreeing[0]))
            if repeat is not None:
                found.append(repeat)
                break
        self._compared = compared
        return found

    def _compare(self, distance: int, now: int, votes: int, span: int) -> Repeat | None:
        start = max(0, now - COMPARED)
        memory = self._memory
        stretch = find_stretch(
            memory.shape(start, now),
            memory.shape(start - distance - LAG, now - distance + LAG),
            memory.speech(start, now),
        )
        if stretch is None:
            return None
        first, last = start + stretch.start, start + stretch.stop
        distance += stretch.lag
        old = self._newest
        if old is not None and not _is_one(old, first, distance):
            old = None
        similarity, frames = stretch.similarity, stretch.frames
        # As a recording would be, until that is measured.
        new = Repeat(first, last, distance, similarity, frames, votes, span, 0.0, 1.0)
        if old is None or frames >= old.frames:
            apart = drift(
                memory.shape(first, last),
                memory.shape(first - distance - APART, last - distance + APART),
            )
            new = replace(new, drift=apart)
        if old is not None and old.frames >= ENOUGH_FRAMES:
            # Known well enough; this bounds the work.
            repeat = _merge(old, replace(new, coherence=old.coherence))
        elif self._seen is None and _merge(old, new).score < REPEAT_BAR:
            return None
        else:
            heard = spectra(memory.audio(first, last))
            then = spectra(memory.audio(first - distance, last - distance))
            repeat = _merge(old, replace(new, coherence=coherence(heard, then)))
            if repeat.score >= REPEAT_BAR and is_steady(heard):
                return None
        if self._seen is not None:
            self._seen(repeat)
        if repeat.score < REPEAT_BAR or repeat == self._newest:
            return None
        self._newest = repeat
        return repeat


def _is_one(old: Repeat, start: int, distance: int) -> bool:
    """Whether what was found before goes on in a place that begins at ``start``."""
    return abs(old.distance - distance) <= 2 * LAG and start <= old.stop


def _merge(old: Repeat | None, new: Repeat) -> Repeat:
    """The two as one."""
    if old is None:
        return new
    more = max(0, new.stop - max(old.stop, new.start)) / max(1, new.stop - new.start)
    frames = max(old.frames + more * new.frames, new.frames)
    similarity = old.similarity + (new.similarity - old.similarity) * more
    return Repeat(
        min(old.start, new.start),
        max(old.stop, new.stop),
        old.distance,
        max(similarity, new.similarity) if new.frames >= old.frames else similarity,
        frames,
        max(old.votes, new.votes),
        max(old.span, new.span),
        new.drift if new.frames >= old.frames else old.drift,
        new.coherence if new.frames >= old.frames else old.coherence,
    )

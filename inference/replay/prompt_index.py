"""Prompts in memory, arranged for looking up: hash → places in prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import BLOCK_FRAMES
from ringtrue.inference.replay.keyed import PATCH_FRAMES, SKETCH_BITS, Keyed, equal_bits
from ringtrue.inference.replay.likelihood import BANK_BAR, bank_score
from ringtrue.inference.replay.prompt import Prompt
from ringtrue.inference.replay.shape import Shape

MOST_POSTINGS: Final = 1000
"""Hashes in more places than this per 10,000 prompts are passed over: they say little."""
SHORTLIST: Final = 24
"""Prompts with most landmarks in common whose alignments are looked at."""
MIN_VOTES: Final = 6
"""Landmarks that must agree on an alignment before shapes are compared."""
COMPARED: Final = 4
"""Alignments whose shapes are compared in one query, unless told otherwise."""
LAGS: Final = (-1, 0, 1)


@dataclass(frozen=True)
class Found:
    """A stretch of the query that is (part of) a prompt.

    Attributes:
        prompt: number of the prompt in the index.
        start: first frame of the stretch in the query.
        stop: frame after the last.
        offset: frame of the query at which the prompt begins.
        agreement: share 0…1 of equal shape bits; 0.5 is chance.
        frames: frames behind ``agreement``.
        votes: landmarks that agree.
    """

    prompt: int
    start: int
    stop: int
    offset: int
    agreement: float
    frames: int
    votes: int

    @property
    def score(self) -> float:
        """How sure it is; see :func:`bank_score`."""
        return bank_score(self.agreement, self.votes, self.frames)


class PromptIndex:
    """Prompts of one key, immutable."""

    def __init__(self, prompts: Sequence[Prompt], keyed: Keyed) -> None:
        self.keyed = keyed
        counts = [len(p.hashes) for p in prompts]
        total = sum(counts)
        hashes = np.concatenate([p.hashes for p in prompts] or [np.zeros(0, np.uint32)])
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        owners = np.repeat(np.arange(len(prompts), dtype=np.int32), counts)
        frames = np.concatenate([p.frames for p in prompts] or [np.zeros(0, np.uint16)])
        self._owners = owners[order]
        self._frames = frames[order].astype(np.int32)
        self._most = max(64, MOST_POSTINGS * max(1, len(prompts)) // 10_000)
        self._sketches = np.concatenate([p.sketch for p in prompts] or [np.zeros(0, np.uint32)])
        self._bounds = np.concatenate(([0], np.cumsum([len(p.sketch) for p in prompts])))
        self._bounds = self._bounds.astype(np.int64)
        # Long prompts meet more landmarks by chance.
        self._chance = np.sqrt(np.array(counts, np.float32) + 50.0)
        self._size = len(prompts)
        assert len(self._hashes) == total

    def __len__(self) -> int:
        return self._size

    def search(
        self,
        codes: npt.NDArray[np.int32],
        frames: npt.NDArray[np.int32],
        shape: Shape,
        bar: float = BANK_BAR,
        most: int = COMPARED,
    ) -> list[Found]:
        """Prompts heard in a stretch, the surest first, each once.

        Args:
            codes: [n] landmarks of the query.
            frames: [n] their frames, counted from the first of ``shape``.
            shape: [frames, D] of the query.
            bar: score that they must reach.
            most: alignments whose shapes are compared.
        """
        if not self._size or len(codes) < MIN_VOTES:
            return []
        owners, offsets = self._hits(self.keyed.hashes(codes), frames)
        if len(owners) < MIN_VOTES:
            return []
        common = np.bincount(owners, minlength=self._size)
        ranked = common / self._chance
        few = min(max(SHORTLIST, 2 * most), self._size)
        short = np.argpartition(ranked, -few)[-few:]
        short = short[common[short] >= MIN_VOTES]
        found: dict[int, Found] = {}
        for votes, prompt, offset in self._alignments(short, owners, offsets)[:most]:
            heard = self._compare(prompt, offset, votes, shape)
            if heard is not None and heard.score >= bar:
                found[prompt] = heard
        return sorted(found.values(), key=lambda f: -f.score)

    def _hits(
        self, hashes: npt.NDArray[np.uint32], frames: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Prompt and offset of each landmark that the query shares with a prompt."""
        first = np.searchsorted(self._hashes, hashes, side="left")
        count = np.searchsorted(self._hashes, hashes, side="right") - first
        count[count > self._most] = 0
        total = int(count.sum())
        # Places first, first + 1, … of each hash, without a loop.
        skip = np.repeat(first - np.concatenate(([0], np.cumsum(count)[:-1])), count)
        places = np.arange(total) + skip
        return self._owners[places], np.repeat(frames, count) - self._frames[places]

    def _alignments(
        self,
        short: npt.NDArray[np.intp],
        owners: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int32],
    ) -> list[tuple[int, int, int]]:
        """(votes, prompt, offset), the most votes first."""
        out: list[tuple[int, int, int]] = []
        wanted = np.zeros(self._size, np.bool_)
        wanted[short] = True
        mine = wanted[owners]
        owners, offsets = owners[mine], offsets[mine]
        order = np.argsort(owners, kind="stable")
        owners, offsets = owners[order], offsets[order]
        starts = np.searchsorted(owners, short, side="left").tolist()
        stops = np.searchsorted(owners, short, side="right").tolist()
        for prompt, first, last in zip(short.tolist(), starts, stops, strict=True):
            own = offsets[first:last]
            base = int(own.min()) - 1
            votes = np.bincount(own - base, minlength=3)
            votes = np.concatenate((votes, [0]))
            near = votes[1:-1] + votes[:-2] + votes[2:]
            top = int(np.argmax(near))
            if near[top] >= MIN_VOTES:
                out.append((int(near[top]), prompt, top + 1 + base))
        return sorted(out, reverse=True)

    def _compare(self, prompt: int, offset: int, votes: int, shape: Shape) -> Found | None:
        sketch = self._sketches[self._bounds[prompt] : self._bounds[prompt + 1]]
        # Blocks of the prompt whose patch lies within the query, with room for every lag.
        low = max(0, -(-(1 - offset) // BLOCK_FRAMES))
        high = min(len(sketch), (len(shape) - PATCH_FRAMES - 1 - offset) // BLOCK_FRAMES + 1)
        if high - low < 2:
            return None
        starts = offset + np.arange(low, high, dtype=np.intp) * BLOCK_FRAMES
        equal = np.stack(
            [equal_bits(self.keyed.sketch(shape, starts + lag), sketch[low:high]) for lag in LAGS]
        )
        best = int(np.argmax(equal.sum(axis=1)))
        run = _best_run(equal[best])
        if run is None:
            return None
        first, last = run
        agreement = float(equal[best, first:last].mean()) / SKETCH_BITS
        begin = offset + LAGS[best]
        return Found(
            prompt,
            begin + (low + first) * BLOCK_FRAMES,
            begin + (low + last) * BLOCK_FRAMES,
            begin,
            agreement,
            (last - first) * BLOCK_FRAMES,
            votes,
        )


def _best_run(equal: npt.NDArray[np.int64]) -> tuple[int, int] | None:
    """The run of blocks that agrees most above a middle level (Kadane's maximal sum)."""
    middle = 0.6 * SKETCH_BITS
    total = np.concatenate(([0.0], np.cumsum(equal - middle)))
    low = np.minimum.accumulate(total)
    gain = total[1:] - low[:-1]
    last = int(np.argmax(gain))
    if gain[last] <= 0:
        return None
    return int(np.argmin(total[: last + 1])), last + 1

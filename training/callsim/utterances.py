"""Utterances cut from clips at their pauses, each used once, and prompts that are used again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.callsim.cast import Voice
from ringtrue.training.channel.base import SAMPLE_RATE
from ringtrue.training.channel.levels import FRAME, active_power, frame_powers
from ringtrue.training.heard import read_clip
from ringtrue.training.manifest import Manifest

Samples = NDArray[np.float32]

PAUSE_SECONDS = 0.3
"""Clips may be cut at pauses of at least this length."""
QUIET_DB = 22.0
"""Frames this far below the active level are pauses."""
MARGIN = int(0.06 * SAMPLE_RATE)
FADE = int(0.01 * SAMPLE_RATE)
LONGEST = 8.0


@dataclass(frozen=True)
class Utterance:
    """Speech of one voice without pauses at its ends.

    Attributes:
        samples: [n] float32 at 8 kHz, faded over 10 ms at both ends.
        clips: ids of the clips that it was cut from.
        floor: mean square of its quietest tenth of frames: the background of the recording.
    """

    samples: Samples
    clips: tuple[str, ...]
    floor: float

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / SAMPLE_RATE


@dataclass
class _Piece:
    clip: str
    samples: Samples
    floor: float


class Supply:
    """Gives the speech of one voice, every stretch of it once.

    Args:
        manifest: where the clips are.
        voice: whose.
        rng: order of the clips and places of the cuts.
        again: start over when the clips are used up; otherwise :meth:`take` returns None then.
    """

    def __init__(
        self, manifest: Manifest, voice: Voice, rng: np.random.Generator, again: bool = False
    ) -> None:
        self.voice = voice
        self._manifest, self._rng, self._again = manifest, rng, again
        self._pieces = self._read()
        self._next: _Piece | None = None

    def take(self, seconds: float) -> Utterance | None:
        """About ``seconds`` of speech, 0.7 to 1.4 times as much, less only from the last clip."""
        parts: list[Samples] = []
        clips: list[str] = []
        floors: list[float] = []
        missing = seconds
        while missing > 0.3 * seconds:
            piece = self._take_piece(missing)
            if piece is None:
                break
            if parts:
                pause = int(self._rng.uniform(0.12, 0.4) * SAMPLE_RATE)
                parts.append(np.zeros(pause, np.float32))
            parts.append(piece.samples)
            clips.append(piece.clip)
            floors.append(piece.floor)
            missing -= len(piece.samples) / SAMPLE_RATE
        if not parts:
            return None
        return Utterance(np.concatenate(parts), tuple(dict.fromkeys(clips)), float(np.mean(floors)))

    def _take_piece(self, seconds: float) -> _Piece | None:
        piece = self._next or next(self._pieces, None)
        self._next = None
        if piece is None:
            return None
        wanted = int(seconds * SAMPLE_RATE)
        if len(piece.samples) > 1.4 * wanted:
            cut = _quietest(piece.samples, int(0.8 * wanted), int(1.3 * wanted))
            rest = piece.samples[cut:]
            if len(rest) > 0.3 * SAMPLE_RATE:
                self._next = _Piece(piece.clip, _faded(rest), piece.floor)
            piece = _Piece(piece.clip, _faded(piece.samples[:cut]), piece.floor)
        return piece

    def _read(self) -> Iterator[_Piece]:
        while True:
            for index in self._rng.permutation(len(self.voice.clips)):
                clip = self.voice.clips[index]
                samples = read_clip(self._manifest, clip)
                floor = _floor(samples)
                for start, end in phrases(samples):
                    yield _Piece(clip.id, _faded(samples[start:end]), floor)
            if not self._again:
                return


def phrases(samples: Samples) -> list[tuple[int, int]]:
    """(start, end) in samples of the speech between pauses, with margins of at most 60 ms."""
    active = active_power(samples)
    powers = frame_powers(samples)
    loud = np.flatnonzero(powers > active * 10 ** (-QUIET_DB / 10))
    if not len(loud) or active <= 0:
        return []
    breaks = np.flatnonzero(np.diff(loud) > round(PAUSE_SECONDS * SAMPLE_RATE / FRAME))
    first = loud[np.concatenate([[0], breaks + 1])] * FRAME
    last = (loud[np.concatenate([breaks, [len(loud) - 1]])] + 1) * FRAME
    found = []
    for start, end in zip(first, last, strict=True):
        if end - start >= 0.2 * SAMPLE_RATE:
            found.append((max(0, int(start) - MARGIN), min(len(samples), int(end) + MARGIN)))
    return found


def make_prompts(supply: Supply, count: int, rng: np.random.Generator) -> list[Utterance]:
    """Up to ``count`` prompts, as long as the turns of people; fewer where the clips end."""
    prompts = []
    for _ in range(count):
        prompt = supply.take(turn_seconds(rng))
        if prompt is None:
            break
        prompts.append(prompt)
    return prompts


def turn_seconds(rng: np.random.Generator, scale: float = 1.0) -> float:
    """Length of a turn of people and of machines alike; median 2.6 s, one in eight is short."""
    if rng.random() < 0.125:
        return float(rng.uniform(0.4, 1.0))
    return float(np.clip(scale * 2.6 * np.exp(0.5 * rng.standard_normal()), 0.8, LONGEST))


def _floor(samples: Samples) -> float:
    return float(np.quantile(frame_powers(samples), 0.1))


def _quietest(samples: Samples, low: int, high: int) -> int:
    """Where to cut between ``low`` and ``high``: the middle of the quietest 20 ms."""
    powers = frame_powers(samples[low:high])
    return low + int(np.argmin(powers)) * FRAME + FRAME // 2


def _faded(samples: Samples) -> Samples:
    faded = np.array(samples, np.float32)
    size = min(FADE, len(faded) // 2)
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    faded[:size] *= ramp
    if size:
        faded[-size:] *= ramp[::-1]
    return faded

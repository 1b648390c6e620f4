"""Asks the prompt bank about the newest seconds of a call, again and again."""

from __future__ import annotations

from typing import Final

import numpy as np

from ringtrue.inference.replay.bank import PromptBank
from ringtrue.inference.replay.bank_records import BankMatch
from ringtrue.inference.replay.fingerprint import Fingerprint, Piece
from ringtrue.inference.replay.frames import BLOCK_FRAMES, FRAME_RATE, HOP, SAMPLE_RATE
from ringtrue.inference.replay.likelihood import BANK_BAR
from ringtrue.inference.replay.memory import CallMemory

WINDOW: Final = round(4.0 * FRAME_RATE)
"""Frames of one query."""
EVERY: Final = 8
"""Blocks between two queries."""
LEAST: Final = 40
"""Landmarks in speech that a query needs."""


class BankListener:
    """Looks the last 4 s up every 0.8 s, when there was speech."""

    def __init__(self, bank: PromptBank, memory: CallMemory, bar: float = BANK_BAR) -> None:
        self._bank = bank
        self._memory = memory
        self._bar = bar
        self._frames: list[int] = []
        self._codes: list[int] = []
        self._blocks = 0
        self._new = 0

    def push(self, piece: Piece) -> list[BankMatch]:
        """Prompts in the newest seconds, their times in s of the call; mostly none."""
        for frame, code in zip(piece.frames, piece.codes, strict=True):
            if self._memory.block_has_speech(frame // BLOCK_FRAMES):
                self._frames.append(frame)
                self._codes.append(code)
                self._new += 1
        before = self._blocks
        self._blocks += len(piece.shape) // BLOCK_FRAMES
        if self._blocks // EVERY == before // EVERY:
            return []
        stop = self._memory.stop
        start = max(0, stop - WINDOW)
        old = int(np.searchsorted(self._frames, start))
        del self._frames[:old], self._codes[:old]
        if self._new == 0 or len(self._frames) < LEAST:
            return []
        self._new = 0
        heard = Fingerprint(
            np.array(self._frames, np.int32) - np.int32(start),
            np.array(self._codes, np.int32),
            self._memory.shape(start, stop),
        )
        shift = start * HOP / SAMPLE_RATE
        return [
            BankMatch(m.number, m.prompt, m.start + shift, m.stop + shift, m.score)
            for m in self._bank.lookup(heard, self._bar)
        ]

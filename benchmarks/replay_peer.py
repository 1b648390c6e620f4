"""Chromaprint beside the bank of ``replay.py``, and exact intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from replay_material import RATE, Samples
from scipy.stats import beta

Row = dict[str, Any]


def interval(hits: int, count: int) -> str:
    """Exact binomial interval, percent."""
    low = beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0
    return f"{100 * low:.2f}…{100 * high:.2f} %"


class Chromaprint:
    """Chromaprint's own fingerprints (libchromaprint, algorithm 1), compared bit by bit at every
    alignment with at least 8 items in common. It has no threshold for so short clips: its recall
    is given at the threshold at which no unknown clip matches.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._stored: list[np.ndarray[Any, np.dtype[np.uint32]]] = []
        self._asked: list[tuple[float, bool]] = []
        self._unknown: list[float] = []

    @classmethod
    def create(cls) -> Chromaprint | None:
        """None, with a word, where it is not installed."""
        try:
            import chromaprint
        except ImportError as error:
            print(f"Chromaprint is left out: {error}")
            return None
        return cls(chromaprint)

    def _of(self, samples: Samples) -> np.ndarray[Any, np.dtype[np.uint32]]:
        maker = self._module.Fingerprinter()
        maker.start(RATE, 1)
        maker.feed(np.clip(samples * 32767, -32768, 32767).astype("<i2").tobytes())
        numbers, _ = self._module.decode_fingerprint(maker.finish())
        return np.array(numbers, np.int64).astype(np.uint32)

    def add(self, samples: Samples) -> None:
        self._stored.append(self._of(samples))

    def _best(self, samples: Samples) -> tuple[float, int]:
        query = self._of(samples)
        best = (1.0, -1)
        for number, stored in enumerate(self._stored):
            for shift in range(8 - len(stored), len(query) - 7):
                a, b = query[max(0, shift) :], stored[max(0, -shift) :]
                count = min(len(a), len(b))
                if count < 8:
                    continue
                wrong = np.unpackbits((a[:count] ^ b[:count]).view(np.uint8)).mean()
                best = min(best, (float(wrong), number))
        return best

    def ask(self, samples: Samples, number: int) -> None:
        error, found = self._best(samples)
        self._asked.append((error, found == number))

    def ask_unknown(self, samples: Samples) -> None:
        self._unknown.append(self._best(samples)[0])

    def row(self, unknown: int) -> Row:
        bar = min(self._unknown, default=1.0)
        hits = sum(right and error < bar for error, right in self._asked)
        return {
            "bank": f"Chromaprint, {len(self._stored)} prompts, errors < {bar:.2f}",
            "asked": len(self._asked),
            "recall": hits / max(1, len(self._asked)),
            "interval": interval(hits, len(self._asked)),
            "unknown": unknown,
            "false": 0,
            "of false": interval(0, unknown),
            "highest": None,
            "median (ms)": None,
            "95 % (ms)": None,
        }

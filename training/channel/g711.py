"""ITU-T G.711: A-law and mu-law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.channel.base import Params, Samples, Transform

LAWS: Final = ("alaw", "mulaw")


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """16-bit PCM, rounded and clipped at full scale."""
    return np.asarray(np.clip(np.rint(samples * 32768.0), -32768, 32767), dtype=np.int16)


@cache
def round_trip_table(law: str) -> Samples:
    """Decoded value (float, -1...1) of every 16-bit input, indexed by the value plus 32768.

    Segments and intervals follow Tables 1 and 2 of ITU-T G.711 (11/88): 13 bits plus sign for
    A-law, 14 bits for mu-law with a bias of 33.

    Raises:
        ValueError: unknown law.
    """
    value = np.arange(-32768, 32768)
    magnitude = np.abs(value)
    if law == "mulaw":
        biased = np.minimum((magnitude >> 2) + 33, 8191)
        segment = np.floor(np.log2(biased)).astype(int) - 5
        interval = (biased >> (segment + 1)) & 15
        decoded = (((interval << 1) + 33) << segment) - 33
        result = np.where(value < 0, -decoded, decoded) * 4
    elif law == "alaw":
        # Ones' complement of negative values, as in the reference software ITU-T G.191.
        linear = np.where(value < 0, -value - 1, value) >> 4
        shift = np.floor(np.log2(np.maximum(linear, 16))).astype(int) - 4
        decoded = ((linear >> shift) << (shift + 1)) + (1 << shift)
        result = np.where(value < 0, -decoded, decoded) * 8
    else:
        raise ValueError(f"expected a law of {', '.join(LAWS)}, got {law!r}")
    return np.asarray(result / 32768.0, dtype=np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class G711(Transform):
    """One pass of G.711 at 64 kbit/s.

    Attributes:
        laws: laws to choose from, of ``LAWS``.
    """

    laws: tuple[str, ...] = LAWS

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw the law."""
        return {"law": self.laws[int(rng.integers(len(self.laws)))]}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode."""
        return round_trip_table(params["law"])[to_int16(samples).astype(np.int32) + 32768]

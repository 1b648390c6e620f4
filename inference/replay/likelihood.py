"""How much a match says: natural-log likelihood ratios robot : human."""

from __future__ import annotations

from typing import Final

REPEAT_SLOPE: Final = 8.0
REPEAT_ZERO: Final = 0.2
BANK_SLOPE: Final = 8.0
BANK_ZERO: Final = 0.5
MOST: Final = 8.0


def repeat_strength(seconds: float, similarity: float) -> float:
    """Strength of a repeat inside a call, growing with length and likeness."""
    return (similarity - 0.4) * min(seconds, 3.0)


def repeat_llr(seconds: float, similarity: float) -> float:
    """LLR of a repeat inside a call."""
    return _line(repeat_strength(seconds, similarity), REPEAT_SLOPE, REPEAT_ZERO)


def bank_strength(seconds: float, agreement: float) -> float:
    """Strength of a match with the bank."""
    return (agreement - 0.5) * float(min(seconds, 6.0) * 10) ** 0.5


def bank_llr(seconds: float, agreement: float) -> float:
    """LLR of a match with the bank."""
    return _line(bank_strength(seconds, agreement), BANK_SLOPE, BANK_ZERO)


def _line(strength: float, slope: float, zero: float) -> float:
    return min(max(slope * (strength - zero), 0.0), MOST)

"""How sure a match is, and what that says about the caller.

The scores are logistic regressions that tell true repeats through two lines (codecs, noise at
15 dB) from the same words said again by the same person. To that of a repeat in a call, span,
drift, density and coherence were added by hand on dev and train: a recording keeps its timing and
its phases, and its landmarks agree from end to end. The likelihood ratios are straight lines in the
scores, fitted in the manner of ``benchmarks/replay.py --parts fit`` (and ``bank``) to dev calls:
the density of the highest score of a call with a true repeat over that of a call of a person, whose
tail is taken as exponential. What lies above the highest score of the people that were measured
rests on that shape, so the ratio of one match is capped; and near the bar repeats are rarer than
the fit takes them to be, so the line of a repeat is kept below it there.
"""

from __future__ import annotations

import math
from typing import Final

REPEAT_BAR: Final = 3.0
"""Score from which a stretch counts as a repeat."""
MOST: Final = 10.0
"""Largest likelihood ratio of one match (22,000 : 1); 704 calls of people measure no more
than 4.8. To flag alone at 1 in 3,000 calls, a match needs 8."""
BANK_BAR: Final = 4.0
"""Score from which a stretch counts as a prompt of the bank."""
_BANK: Final = (16.95, 3.27, 2.99, -35.67)
_BANK_SLOPE: Final = 1.09
_BANK_BASE: Final = 3.9
ENOUGH_FRAMES: Final = 60.0
"""Effective frames from which more no longer add to a score by themselves: people do say long
sentences again, only never with the same landmarks."""
_REPEAT: Final = (4.55, 2.28, 5.88, -30.24)
_SPAN: Final = (0.5, 3.5)
"""Weight and middle of the log of the span of landmarks."""
LONGEST_SPAN: Final = 100.0
"""Frames between the first and the last landmark from which more says nothing."""
_DRIFT: Final = (1.0, 0.75)
"""Weight and middle of the drift."""
_SPARSE: Final = (20.0, 0.3)
"""Weight of the density below the second number. A ticking clock spans seconds and does not drift,
but what repeats is a few clicks."""
_COHERENCE: Final = (7.0, -27.5, 5.0)
"""Weight of the coherence, which counts with the square root of the frames that it was found in
(as much comes about by chance in fewer), a constant, and the most that both together add."""
LONGEST_COHERENT: Final = 200.0
"""Frames from which more no longer add."""
_REPEAT_SLOPE: Final = 0.51
_REPEAT_BASE: Final = 4.7
"""Those of the score before coherence. The fit to this one says 7.0 at the bar, but agrees at 10,
above which nine in ten repeats lie."""


def repeat_score(
    similarity: float,
    votes: int,
    frames: float,
    span: float,
    drift: float,
    length: int,
    coherence: float,
) -> float:
    """Score of a repeat inside a call.

    Args:
        similarity: correlation of the shapes.
        votes: landmarks that agree.
        frames: effective number of frames behind ``similarity``.
        span: frames from the first to the last of these landmarks.
        drift: frames by which parts of the later place lie elsewhere in the earlier one.
        length: frames of the stretch.
        coherence: share 0…1 of the waveforms that is in phase.
    """
    density = frames / max(1, length)
    return (
        _REPEAT[0] * similarity
        + _REPEAT[1] * math.log1p(votes)
        + _REPEAT[2] * math.log(min(max(frames, 1.0), ENOUGH_FRAMES))
        + _REPEAT[3]
        + _SPAN[0] * (math.log1p(min(span, LONGEST_SPAN)) - _SPAN[1])
        - _DRIFT[0] * (drift - _DRIFT[1])
        - _SPARSE[0] * max(0.0, _SPARSE[1] - density)
        + min(
            _COHERENCE[0] * coherence * math.sqrt(min(length, LONGEST_COHERENT)) + _COHERENCE[1],
            _COHERENCE[2],
        )
    )


def repeat_llr(score: float) -> float:
    """LLR of a repeat inside a call, 0…10."""
    return min(max(_REPEAT_BASE + _REPEAT_SLOPE * (score - REPEAT_BAR), 0.0), MOST)


def bank_score(agreement: float, votes: int, frames: float) -> float:
    """Score of a match with the bank.

    Args:
        agreement: share of equal shape bits.
        votes: landmarks that agree.
        frames: frames behind ``agreement``.
    """
    return (
        _BANK[0] * agreement
        + _BANK[1] * math.log1p(votes)
        + _BANK[2] * math.log(max(frames, 1.0))
        + _BANK[3]
    )


def bank_llr(score: float) -> float:
    """LLR of a match with the bank, 0…10."""
    return min(max(_BANK_BASE + _BANK_SLOPE * (score - BANK_BAR), 0.0), MOST)

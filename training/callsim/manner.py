"""When people and machines speak: response gaps, overlaps, back-channels, being interrupted.

People: gaps are drawn so that their median is about 200 ms and about a third of the transitions
overlap. Stivers et al. (PNAS 2009) found a mean of 208 ms over ten languages (7 ms in Japanese to
469 ms in Danish) with most responses between 0 and 200 ms; Heldner and Edlund (Journal of
Phonetics 2010) about 40 % overlaps and 41-45 % gaps above 200 ms in three corpora.

Machines: 0.5 to 2 s after the other party's end, with little spread, and no eye on being
interrupted: vendors of voice agents report 0.8 to 1.5 s of response time and 0.2 to 0.4 s to stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

OVERLAPS = 0.33
"""Share of people's turns that begin before the other's end."""
MEDIAN_GAP, GAP_SIGMA = 0.37, 0.75
"""Log-normal gaps of people, where there is one, in s; with the overlaps the median is 0.2 s."""
MEAN_OVERLAP = 0.25


@dataclass(frozen=True)
class Manner:
    """How one party takes turns.

    Attributes:
        person: people overlap, give back-channels and notice the other.
        shift: s added to every gap: the habit of this party.
        gap: typical response time in s of a machine.
        jitter: its standard deviation in s.
        stops: probability that the party stops when interrupted.
        stop_after: shortest and longest time in s until it does.
        backchannels: per second of the other's speech.
        holds: probability of another turn of the same party after a pause.
    """

    person: bool
    shift: float = 0.0
    gap: float = 1.0
    jitter: float = 0.1
    stops: float = 0.8
    stop_after: tuple[float, float] = (0.2, 0.7)
    backchannels: float = 0.0
    holds: float = 0.12

    def offset(self, rng: np.random.Generator) -> float:
        """s from the end of the other's turn to this party's beginning; negative overlaps."""
        if not self.person:
            return max(0.15, self.gap + self.jitter * rng.standard_normal())
        if rng.random() < OVERLAPS:
            return self.shift - min(float(rng.exponential(MEAN_OVERLAP)), 1.0)
        gap = MEDIAN_GAP * math.exp(GAP_SIGMA * rng.standard_normal())
        return self.shift + min(gap, 4.0)

    def reaction(self, rng: np.random.Generator) -> float | None:
        """s after which the party stops when it is interrupted, or None if it talks on."""
        return float(rng.uniform(*self.stop_after)) if rng.random() < self.stops else None


def person(rng: np.random.Generator) -> Manner:
    """A person; habits differ by about 0.1 s, and one in eight is slow."""
    shift = 0.1 * float(rng.standard_normal())
    if rng.random() < 0.125:
        shift += float(rng.uniform(0.2, 0.7))
    return Manner(
        person=True,
        shift=shift,
        stops=float(rng.uniform(0.6, 0.95)),
        backchannels=float(rng.uniform(0.0, 0.15)),
    )


def machine(rng: np.random.Generator, scripted: bool) -> Manner:
    """A bot: a scripted one mostly ignores interruptions, a voice agent often stops late."""
    gap = float(rng.uniform(0.5, 2.0))
    stops = (0.0, 0.3) if scripted else (0.2, 0.9)
    return Manner(
        person=False,
        gap=gap,
        jitter=float(rng.uniform(0.05, 0.25)) * gap,
        stops=float(rng.uniform(*stops)),
        stop_after=(0.5, 2.0) if scripted else (0.4, 1.5),
        # Some voice agents are given back-channels.
        backchannels=0.05 if not scripted and rng.random() < 0.15 else 0.0,
    )

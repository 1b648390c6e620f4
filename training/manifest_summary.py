"""Hours and counts of a manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringtrue.training.manifest import SPLITS, Clip, Manifest

KINDS: dict[str, Callable[[Clip], str]] = {
    "label": lambda clip: clip.label,
    "condition": lambda clip: clip.condition,
    "language": lambda clip: clip.language or "(mixed or unknown)",
    "source": lambda clip: clip.source or "(none)",
    "system": lambda clip: clip.system if clip.is_robot else "",
}
"""What clips are counted by; an empty name is not counted."""


@dataclass(frozen=True)
class SummaryRow:
    """All clips of one name in one split.

    Attributes:
        kind: of :data:`KINDS`.
        groups: recordings or voices.
        human_hours, robot_hours: parts of ``hours``; the rest is non-speech.
        commercial_hours: part of ``hours`` that a released model may be trained on.
    """

    split: str
    kind: str
    name: str
    clips: int
    groups: int
    hours: float
    human_hours: float
    robot_hours: float
    commercial_hours: float


def summary(manifest: Manifest) -> list[SummaryRow]:
    """One row per split and label, condition, language, source and system, by falling hours."""
    found: dict[tuple[str, str, str], list[Clip]] = {}
    for clip in manifest:
        for kind, name_of in KINDS.items():
            name = name_of(clip)
            if name:
                found.setdefault((clip.split, kind, name), []).append(clip)
    rows = [
        SummaryRow(
            *key,
            clips=len(clips),
            groups=len({clip.group for clip in clips}),
            hours=_hours(clips),
            human_hours=_hours([clip for clip in clips if clip.is_human]),
            robot_hours=_hours([clip for clip in clips if clip.is_robot]),
            commercial_hours=_hours([clip for clip in clips if clip.commercial_ok]),
        )
        for key, clips in found.items()
    ]
    kinds = list(KINDS)
    rows.sort(key=lambda r: (SPLITS.index(r.split), kinds.index(r.kind), -r.hours, r.name))
    return rows


def _hours(clips: list[Clip]) -> float:
    return sum(clip.seconds for clip in clips) / 3600

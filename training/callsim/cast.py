"""Who may speak in the calls of a split: live people, prompt speakers, synthetic voices.

Prompt speakers never speak live and live people never speak prompts, so that neither a voice nor
its recording conditions give the kind of a caller away.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ringtrue.training.manifest import Clip, Manifest

LEAST_LIVE = 8.0
"""Seconds of clips that a live person needs."""
LEAST_PROMPTS = 12.0
"""Seconds of clips that a prompt speaker or a synthetic voice needs, in at least five clips."""
FEWEST_CLIPS = 5
PROMPT_SHARE = 0.3
"""Share of the people of a source who speak prompts."""


@dataclass(frozen=True)
class Voice:
    """One voice and its clips.

    Attributes:
        name: the speaker, or system and voice.
        source: where the clips come from.
        system: synthesizer; empty for people.
        clips: rows of the manifest.
    """

    name: str
    source: str
    system: str
    clips: tuple[Clip, ...]

    @property
    def seconds(self) -> float:
        """Total length of the clips."""
        return sum(clip.seconds for clip in self.clips)


@dataclass(frozen=True)
class Cast:
    """The voices of one split; no voice is in two lists."""

    live: tuple[Voice, ...]
    prompts: tuple[Voice, ...]
    synthetic: tuple[Voice, ...]


def cast_of(manifest: Manifest, split: str) -> Cast:
    """The cast of a split.

    Raises:
        ValueError: a list would be empty (live needs two people, for the near end too).
    """
    chosen = manifest.select(split)
    people: dict[str, list[Clip]] = defaultdict(list)
    recorded: dict[str, list[Clip]] = defaultdict(list)
    robots: dict[str, list[Clip]] = defaultdict(list)
    for clip in chosen:
        if clip.is_human and clip.recorded_prompt:
            recorded[clip.speaker].append(clip)
        elif clip.is_human and _one_known_person(clip):
            people[clip.speaker].append(clip)
        elif clip.label == "tts" and clip.condition == "studio":
            robots[clip.group].append(clip)
    live, prompts = [], [_voice(name, clips) for name, clips in recorded.items()]
    for members in _by_source([_voice(name, clips) for name, clips in people.items()]).values():
        suited = sorted((v for v in members if _enough(v)), key=lambda v: _hash(v.name))
        # A source of one person goes to one side by its hash, larger ones are shared out.
        share = round(PROMPT_SHARE * len(suited))
        if len(suited) == 1:
            share = int(_hash(suited[0].name) % 10 < 10 * PROMPT_SHARE)
        chosen_names = {v.name for v in suited[:share]}
        prompts += suited[:share]
        live += [v for v in members if v.name not in chosen_names and v.seconds >= LEAST_LIVE]
    synthetic = [v for v in (_voice(n, c) for n, c in robots.items()) if _enough(v)]
    for wanted, found, least in (
        ("live people", live, 2),
        ("prompt speakers", prompts, 1),
        ("synthetic voices", synthetic, 1),
    ):
        if len(found) < least:
            raise ValueError(
                f"expected at least {least} {wanted} with enough clips in split {split}, "
                f"got {len(found)}"
            )
    return Cast(_sorted(live), _sorted(prompts), _sorted(synthetic))


def draw_voice(
    voices: Sequence[Voice],
    rng: np.random.Generator,
    least_seconds: float = 0.0,
    other_than: str = "",
) -> Voice:
    """A voice: the source with the square root of its number of voices, then a voice of it.

    Args:
        voices: to draw from.
        rng: source of the draw.
        least_seconds: only voices with so many seconds of clips, or the richest voice if none has.
        other_than: name of a voice that is taken already.

    Raises:
        ValueError: no other voice.
    """
    free = [v for v in voices if v.name != other_than]
    if not free:
        raise ValueError("expected at least two voices to draw from, got one")
    suited = [v for v in free if v.seconds >= least_seconds]
    if not suited:
        return max(free, key=lambda v: (v.seconds, v.name))
    sources = _by_source(suited)
    names = sorted(sources)
    weights = np.sqrt([len(sources[name]) for name in names])
    members = sources[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    return members[int(rng.integers(len(members)))]


def _one_known_person(clip: Clip) -> bool:
    layout = str(clip.extra.get("channel_layout", ""))
    return clip.has_known_speaker and "+" not in clip.speaker and "mix" not in layout


def _enough(voice: Voice) -> bool:
    return voice.seconds >= LEAST_PROMPTS and len(voice.clips) >= FEWEST_CLIPS


def _voice(name: str, clips: list[Clip]) -> Voice:
    first = clips[0]
    return Voice(name, first.source, first.system, tuple(sorted(clips, key=lambda c: c.id)))


def _by_source(voices: Sequence[Voice]) -> dict[str, list[Voice]]:
    found: dict[str, list[Voice]] = defaultdict(list)
    for voice in voices:
        found[voice.source].append(voice)
    return found


def _sorted(voices: list[Voice]) -> tuple[Voice, ...]:
    return tuple(sorted(voices, key=lambda v: v.name))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

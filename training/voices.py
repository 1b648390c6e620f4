"""Which voices training draws: sources first, then voices, so that neither a large source nor a
talkative voice dominates."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.manifest import Clip
from ringtrue.training.recipe import CropConfig


@dataclass(frozen=True)
class Voice:
    """Clips of one voice, as indices into the manifest."""

    clips: tuple[int, ...]


class Pool:
    """Clips of one class as source -> voices, with the probability of each source."""

    def __init__(self, clips: list[tuple[int, Clip]], by_system: bool, config: CropConfig) -> None:
        voices: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        seconds: dict[str, float] = defaultdict(float)
        sources: dict[str, str] = {}
        for index, clip in clips:
            key = f"{clip.source}/{clip.system}" if by_system else clip.source
            voices[key][f"{clip.voice}|{clip.speaker}"].append(index)
            seconds[key] += clip.seconds
            sources[key] = clip.source
        self.keys = list(voices)
        weights = np.array(
            [
                seconds[key] ** config.source_power
                * config.weights.get(sources[key], 1.0)
                * (config.weights.get(key, 1.0) if by_system else 1.0)
                for key in self.keys
            ]
        )
        if not len(weights) or weights.sum() <= 0:
            raise ValueError("no clips of one class are left after filtering")
        self.probability = weights / weights.sum()
        self.voices = {key: [Voice(tuple(v)) for v in voices[key].values()] for key in self.keys}
        # Within a source, a voice counts by the square root of its clips.
        self.voice_probability: dict[str, NDArray[np.float64]] = {}
        for key, group in self.voices.items():
            sizes = np.sqrt([len(v.clips) for v in group])
            self.voice_probability[key] = sizes / sizes.sum()

    def draw(self, rng: np.random.Generator) -> tuple[str, Voice]:
        """Source (and system, where pooled by it) and one of its voices."""
        key = self.keys[rng.choice(len(self.keys), p=self.probability)]
        group = self.voices[key]
        return key, group[rng.choice(len(group), p=self.voice_probability[key])]


class Pairs:
    """Voices of both classes that share a speaker or, where none does, a source.

    Copies of a person's recordings share the speaker; on pages that show synthesizers beside
    recordings, both classes share rooms, microphones and texts.
    """

    def __init__(self, clips: list[tuple[int, Clip]], config: CropConfig) -> None:
        people: dict[str, list[tuple[int, Clip]]] = defaultdict(list)
        for index, clip in clips:
            if clip.is_human:
                people[clip.speaker].append((index, clip))
                people[clip.source].append((index, clip))
        robots: dict[str, dict[str, list[tuple[int, Clip]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for index, clip in clips:
            known = clip.has_known_speaker
            shared = clip.speaker if known and clip.speaker in people else clip.source
            if clip.is_robot and shared in people:
                robots[shared][f"{clip.system}|{clip.voice}"].append((index, clip))
        self._people = people
        self._robots = robots
        self.keys = sorted(robots)
        seconds: dict[str, float] = defaultdict(float)
        least = {}
        for key in self.keys:
            synthetic = sum(c.seconds for voice in robots[key].values() for _, c in voice)
            least[key] = min(synthetic, sum(c.seconds for _, c in people[key]))
            seconds[self._source(key)] += least[key]
        weights = [
            least[key]
            * seconds[self._source(key)] ** (config.source_power - 1)
            * config.weights.get(self._source(key), 1.0)
            for key in self.keys
        ]
        self.probability = np.array(weights) / sum(weights) if weights else np.empty(0)

    def _source(self, key: str) -> str:
        return self._people[key][0][1].source

    def draw(self, rng: np.random.Generator) -> tuple[str, Voice, Voice]:
        """Source of the person, one person's clips, one synthetic voice's clips."""
        key = self.keys[rng.choice(len(self.keys), p=self.probability)]
        speakers = sorted({clip.speaker for _, clip in self._people[key]})
        speaker = speakers[rng.integers(len(speakers))]
        person = tuple(index for index, clip in self._people[key] if clip.speaker == speaker)
        voices = list(self._robots[key].values())
        voice = voices[rng.integers(len(voices))]
        return self._source(key), Voice(person), Voice(tuple(index for index, _ in voice))

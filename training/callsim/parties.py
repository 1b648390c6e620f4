"""The parties of a call: people with endless new sentences, bots with a script of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.callsim.manner import Manner
from ringtrue.training.callsim.utterances import Supply, Utterance, turn_seconds
from ringtrue.training.channel.base import SAMPLE_RATE

Samples = NDArray[np.float32]

FALLBACKS = 3
"""Prompts of a script that answer anything ("sorry?", "are you there?") and so come again."""


@dataclass(frozen=True)
class Line:
    """What a party says in one turn.

    Attributes:
        samples: [n] float32, with ``lead`` samples of room tone before the speech.
        seconds: length of the speech.
        lead: samples before it.
        clips: ids of the clips it was cut from.
        floor: mean square of the background of these clips.
        prompt: name of the prompt for bots, the same whenever it is played; empty for people.
    """

    samples: Samples
    seconds: float
    clips: tuple[str, ...]
    floor: float
    lead: int = 0
    prompt: str = ""


class Party(Protocol):
    """Who speaks on one side."""

    @property
    def role(self) -> str:
        """``person`` or ``bot``."""

    @property
    def manner(self) -> Manner:
        """When it speaks."""

    def turn(self, rng: np.random.Generator) -> Line | None:
        """The next turn; None when there is nothing left to say."""

    def short(self, rng: np.random.Generator) -> Line | None:
        """A back-channel or a greeting of less than a second."""


class Person:
    """Never says the same waveform twice, unless ``supply`` starts over."""

    role = "person"

    def __init__(self, manner: Manner, supply: Supply, scale: float = 1.0) -> None:
        self.manner = manner
        self._supply, self._scale = supply, scale

    def turn(self, rng: np.random.Generator) -> Line | None:
        """New speech, or None when the clips are used up."""
        return _line(self._supply.take(turn_seconds(rng, self._scale)))

    def short(self, rng: np.random.Generator) -> Line | None:
        """New speech of 0.3 to 0.8 s."""
        return _line(self._supply.take(float(rng.uniform(0.3, 0.8))))


@dataclass(frozen=True)
class Script:
    """What a bot can play.

    Attributes:
        name: of the bot; calls of one campaign share it.
        voice, source, system: of the prompts; ``system`` is empty for recorded people.
        lines: prompts in the order of the script, the last ones are the fallbacks.
        fallback: probability that a turn is one of the fallbacks.
    """

    name: str
    voice: str
    source: str
    system: str
    lines: tuple[Line, ...]
    fallback: float


class Bot:
    """Works through its script; starts again at its end."""

    role = "bot"

    def __init__(self, manner: Manner, script: Script) -> None:
        self.manner = manner
        self._script = script
        self._at = 0

    def turn(self, rng: np.random.Generator) -> Line | None:
        """The next prompt of the script, or a fallback."""
        lines = self._script.lines
        told = max(1, len(lines) - FALLBACKS)
        if self._at > 0 and len(lines) > told and rng.random() < self._script.fallback:
            return lines[int(rng.integers(told, len(lines)))]
        self._at += 1
        return lines[(self._at - 1) % told]

    def short(self, rng: np.random.Generator) -> Line | None:
        """The shortest prompt, where it is shorter than a second."""
        shortest = min(self._script.lines, key=lambda line: line.seconds)
        return shortest if shortest.seconds < 1.0 else None


def script_of(name: str, supply: Supply, prompts: Sequence[Utterance], fallback: float) -> Script:
    """A script of prompts without room tone."""
    lines = tuple(
        Line(p.samples, p.seconds, p.clips, p.floor, prompt=f"{name}/{i}")
        for i, p in enumerate(prompts)
    )
    voice = supply.voice
    return Script(name, voice.name, voice.source, voice.system, lines, fallback)


def cut_line(line: Line, seconds: float) -> Line:
    """``line`` broken off after ``seconds`` of speech, faded over 20 ms."""
    if seconds >= line.seconds:
        return line
    end = line.lead + int(seconds * SAMPLE_RATE)
    samples = np.array(line.samples[:end])
    size = min(len(samples), SAMPLE_RATE // 50)
    if size:
        samples[-size:] *= np.linspace(1, 0, size, dtype=np.float32)
    return Line(samples, max(seconds, 0.0), line.clips, line.floor, line.lead, line.prompt)


def _line(utterance: Utterance | None) -> Line | None:
    if utterance is None:
        return None
    return Line(utterance.samples, utterance.seconds, utterance.clips, utterance.floor)

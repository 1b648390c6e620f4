"""Composing clean crops: which clips, joined or chopped how, before the telephone channel.

Everything random here is drawn alike for both classes, so that clip length, pauses and joins say
nothing about the class. Sources are drawn first, then voices, then clips, so that neither a large
source nor a talkative voice dominates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.channel.speed import Speed
from ringtrue.training.clip_store import ClipStore
from ringtrue.training.copysynth import COPY_SYNTHESIZERS
from ringtrue.training.recipe import CropConfig
from ringtrue.training.speech_labels import FRAME_SAMPLES
from ringtrue.training.voices import Pairs, Pool, Voice

Samples = NDArray[np.float32]
NONSPEECH, HUMAN, ROBOT = -1, 0, 1
"""Class of a crop."""
COPY_PREFIX = "copy:"
"""Begins the system of crops that are copied here, unlike copies of the corpus."""


@dataclass(frozen=True)
class Crop:
    """A composed crop before the channel.

    Attributes:
        samples: [n] float32 at 8 kHz.
        speech: [n // 160] float32, speech probability of each 20 ms frame.
        target: :data:`ROBOT`, :data:`HUMAN` or :data:`NONSPEECH`.
        source, system: where the voice comes from.
        clips: ids of the clips in order.
    """

    samples: Samples
    speech: Samples
    target: int
    source: str
    system: str
    clips: tuple[str, ...]


class Composer:
    """Draws crops from a clip store."""

    def __init__(self, store: ClipStore, config: CropConfig) -> None:
        self.store = store
        self.config = config
        rows = list(enumerate(store.manifest.clips))
        self._human = Pool([r for r in rows if r[1].is_human], False, config)
        self._robot = Pool([r for r in rows if r[1].is_robot], True, config)
        self._pairs = Pairs(rows, config) if config.pair_share > 0 else None
        noise = [r for r in rows if r[1].label == "nonspeech"]
        self._noise = Pool(noise, False, config) if noise else None
        self.length = round(config.seconds * SAMPLE_RATE)

    def draw(self, rng: np.random.Generator) -> Crop:
        """One clean crop of the configured length."""
        config = self.config
        chance = rng.random()
        if chance < config.human_share or (
            self._noise is None and chance >= config.human_share + config.robot_share
        ):
            return self._speech(*self._human.draw(rng), HUMAN, rng)
        if chance < config.human_share + config.robot_share:
            if rng.random() >= config.copy_synthesis_share:
                return self._speech(*self._robot.draw(rng), ROBOT, rng)
            return _copy(self._speech(*self._human.draw(rng), HUMAN, rng), rng)
        assert self._noise is not None
        key, voice = self._noise.draw(rng)
        index = int(rng.choice(voice.clips))
        audio = self.store.audio(index)
        start = int(rng.integers(0, max(1, len(audio) - self.length + 1)))
        samples = np.resize(audio[start : start + self.length], self.length)
        silent = np.zeros(self.length // FRAME_SAMPLES, np.float32)
        return Crop(samples, silent, NONSPEECH, key, "", (self.store.manifest.clips[index].id,))

    def draw_pair(self, rng: np.random.Generator) -> tuple[Crop, Crop]:
        """A bona fide crop and a synthetic one of the same speaker or source, composed alike."""
        if (
            self._pairs is None
            or not len(self._pairs.keys)
            or rng.random() < self.config.pair_copies
        ):
            human = self._speech(*self._human.draw(rng), HUMAN, rng)
            return human, _copy(human, rng)
        assert self._pairs is not None
        source, person, voice = self._pairs.draw(rng)
        seed = int(rng.integers(2**63))
        human, robot = (
            self._speech(source, clips, target, np.random.default_rng(seed))
            for clips, target in ((person, HUMAN), (voice, ROBOT))
        )
        return human, robot

    def _speech(self, key: str, voice: Voice, target: int, rng: np.random.Generator) -> Crop:
        chop = rng.random() < self.config.chop_probability
        # One recording level and one kind of gap per crop, as one call would have.
        longest_gap = float(rng.choice([0.05, 0.3, 0.8]))
        out = np.zeros(self.length, np.float32)
        speech = np.zeros(self.length // FRAME_SAMPLES, np.float32)
        frame = int(rng.uniform(0, 0.6) * SAMPLE_RATE) // FRAME_SAMPLES
        order = rng.permutation(voice.clips)
        used: list[str] = []
        repeats = 0
        while frame < len(speech):
            if len(used) and len(used) % len(order) == 0:
                repeats += 1
                # A voice with little material is not looped for ever: repetition is a cue too.
                if repeats > 1 or rng.random() < 0.5:
                    break
            index = int(order[len(used) % len(order)])
            used.append(self.store.manifest.clips[index].id)
            audio, labels = self.store.audio(index), self.store.speech(index)
            for first, last in self._chop(audio, rng) if chop else [(0, len(labels))]:
                last = min(last, first + len(speech) - frame)
                if last <= first:
                    break
                length = last - first
                start = frame * FRAME_SAMPLES
                piece = audio[first * FRAME_SAMPLES : last * FRAME_SAMPLES]
                out[start : start + len(piece)] = _fade(piece)
                speech[frame : frame + length] = labels[first:last]
                gap = rng.uniform(0, longest_gap) * SAMPLE_RATE
                frame += length + int(gap) // FRAME_SAMPLES
        # Where material ends early, silence follows; where it starts must not tell either.
        shift = int(rng.integers(0, max(0, len(speech) - frame) + 1))
        out, speech = np.roll(out, shift * FRAME_SAMPLES), np.roll(speech, shift)
        if rng.random() < self.config.speed_probability:
            out, speech = _change_speed(out, speech, rng)
        system = self.store.manifest.clips[index].system if target == ROBOT else ""
        return Crop(out, speech, target, key.split("/")[0], system, tuple(used))

    def _chop(self, audio: Samples, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Frame ranges of pieces of 0.5 to 2.5 s, cut at the quietest frame near the wanted one."""
        frames = len(audio) // FRAME_SAMPLES
        energy = np.square(audio[: frames * FRAME_SAMPLES]).reshape(frames, -1).sum(axis=1)
        pieces: list[tuple[int, int]] = []
        start = 0
        while start < frames:
            wanted = start + int(rng.uniform(25, 125))
            if wanted + 12 >= frames:
                pieces.append((start, frames))
                break
            cut = wanted - 10 + int(np.argmin(energy[wanted - 10 : wanted + 10]))
            pieces.append((start, cut))
            start = cut
        return pieces


def _copy(original: Crop, rng: np.random.Generator) -> Crop:
    name = str(rng.choice(sorted(COPY_SYNTHESIZERS)))
    copy = COPY_SYNTHESIZERS[name](original.samples, rng)
    return replace(original, samples=copy, target=ROBOT, system=COPY_PREFIX + name)


def _change_speed(
    samples: Samples, speech: Samples, rng: np.random.Generator
) -> tuple[Samples, Samples]:
    """Another playing speed; the labels move along."""
    speed = Speed()
    params = speed.randomize(samples, rng)
    position = np.arange(len(speech)) * params["factor"]
    moved = np.interp(position, np.arange(len(speech)), speech, right=0.0)
    return speed.apply(samples, params), moved.astype(np.float32)


def _fade(piece: Samples) -> Samples:
    """5 ms fades, so that cuts do not click."""
    length = min(40, len(piece) // 2)
    if length == 0:
        return piece
    piece = piece.copy()
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    piece[:length] *= ramp
    piece[-length:] *= ramp[::-1]
    return piece

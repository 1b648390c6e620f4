"""Calls of ``replay.py``: bots that play a clip twice, and people; made once, kept if wished."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from replay_material import RATE, SAME_WORDS, Material, Samples

from ringtrue.inference.evidence.replay import SPEECH_THRESHOLD
from ringtrue.inference.session import Session
from ringtrue.training.channel.presets import CODECS
from ringtrue.training.manifest import Clip

CHUNK = 800
KINDS = {"words": "same words again", "other": "other speech"}
SNRS = (15.0, 20.0, 30.0)
SECONDS = (1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Call:
    """A call through its lines.

    Attributes:
        samples: whole chunks, with 1.5 s of silence at the end.
        speech: [chunks] the network's probability of speech.
        distance: s from the first to the second time of the clip; 0 in calls of people.
        starts: [clips] s at which each clip of a call of a person begins.
        clips: [clips] their names in the manifest.
    """

    samples: Samples
    speech: Samples
    distance: float
    starts: npt.NDArray[np.float64]
    clips: npt.NDArray[np.str_]

    def clip_at(self, at: float) -> str:
        """Name of the clip that is heard at ``at`` s."""
        return str(self.clips[max(0, int(np.searchsorted(self.starts, at + 0.4, "right")) - 1)])


class Calls:
    """Makes calls of one split; each depends on the seed and its own numbers alone.

    Args:
        keep: folder in which calls are kept (about 4 MB each), so that settings can be compared
            without making them again; of one split, seed and model.
    """

    def __init__(
        self, material: Material, session: Session, seed: int, keep: Path | None = None
    ) -> None:
        self.material = material
        self._session = session
        self._seed = seed
        self._keep = keep
        self._prompts = [
            c for c in material.human if c.seconds >= 3.3 and c.source not in SAME_WORDS
        ]

    def replayed(self, codec: str, snr: float, seconds: float, trial: int) -> Call:
        """A call of about 30 s with a clip heard twice, the second time through ``codec``."""
        name = f"{codec}+{snr:.0f}+{seconds}+{trial}"
        return self._kept(f"recall/{name}", lambda: self._replayed(codec, snr, seconds, trial))

    def human(self, kind: str, number: int) -> Call:
        """A call of 2 minutes of a person without a clip used twice; ``kind`` is of KINDS."""
        return self._kept(f"false/{kind}+{number:04d}", lambda: self._human(kind, number))

    def sources(self, kind: str) -> list[str]:
        """Sources of the calls of people of a kind."""
        words = [s for s in SAME_WORDS if s in self.material.sources]
        others = [s for s in sorted(self.material.sources) if s not in SAME_WORDS]
        return words if kind == "words" else others

    def clip(self, name: str) -> Clip:
        """The clip of a name."""
        return next(c for c in self.material.human if c.id == name)

    def is_spoken(self, codec: str, snr: float, seconds: float, trial: int) -> bool:
        """Whether the network calls half of the clip that :meth:`replayed` plays twice speech,
        without noise and codec. Room rumble and breath are no prompts, and never evidence.
        """
        _, prompt = self._chosen(codec, snr, seconds, trial)
        lead = np.zeros(5 * CHUNK, np.float32)
        heard = self._speech(np.concatenate([lead, prompt, lead])[: len(prompt) + len(lead)])
        return bool(np.mean(heard[5:] >= SPEECH_THRESHOLD) >= 0.5)

    def _chosen(
        self, codec: str, snr: float, seconds: float, trial: int
    ) -> tuple[np.random.Generator, Samples]:
        key = [self._seed, CODECS.index(codec), int(snr), int(10 * seconds), trial]
        rng = np.random.default_rng(key)
        clip = self._prompts[int(rng.integers(len(self._prompts)))]
        return rng, self.material.prompt(clip, seconds)

    def _replayed(self, codec: str, snr: float, seconds: float, trial: int) -> Call:
        rng, prompt = self._chosen(codec, snr, seconds, trial)
        call, _ = self.material.human_call(rng, 24.0)
        other = str(rng.choice([c for c in CODECS if c != codec]))
        split = 12 * RATE + int(rng.integers(800))
        gap = np.zeros(RATE // 4, np.float32)
        one = np.concatenate([call[: 8 * RATE], gap, prompt, gap])
        two = np.concatenate([call[8 * RATE : split], gap, prompt, gap])
        lines = self.material.line(one, snr, rng, other), self.material.line(two, snr, rng, codec)
        distance = len(gap) + split - 8 * RATE + len(gap) + len(prompt)
        return self._heard(np.concatenate(lines), distance / RATE, [], [])

    def _human(self, kind: str, number: int) -> Call:
        rng = np.random.default_rng([self._seed, 1, number, len(KINDS[kind])])
        sources = self.sources(kind)
        call, placed = self.material.human_call(rng, 120.0, sources[number % len(sources)])
        heard = self.material.line(call, float(rng.uniform(15, 30)), rng)
        return self._heard(heard, 0.0, [p.start for p in placed], [p.clip.id for p in placed])

    def _heard(
        self, samples: Samples, distance: float, starts: list[float], clips: list[str]
    ) -> Call:
        whole = np.concatenate([samples, np.zeros(RATE * 3 // 2, np.float32)])
        whole = whole[: len(whole) // CHUNK * CHUNK].astype(np.float32)
        return Call(
            whole,
            self._speech(whole),
            distance,
            np.array(starts, np.float64),
            np.array(clips, np.str_),
        )

    def _speech(self, samples: Samples) -> Samples:
        """The network's probability of speech in each whole chunk."""
        state = self._session.zero_state()
        speech = []
        for chunk in samples[: len(samples) // CHUNK * CHUNK].reshape(-1, 1, CHUNK):
            step = self._session.run(chunk.astype(np.float32), state)
            state = step.state
            speech.append(step.speech[0])
        return np.array(speech, np.float32)

    def _kept(self, name: str, make: Callable[[], Call]) -> Call:
        if self._keep is None:
            return make()
        file = self._keep / f"{name}.npz"
        if file.exists():
            with np.load(file) as stored:
                return Call(**{key: stored[key] for key in Call.__dataclass_fields__})
        call = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part.npz")
        np.savez(part, **vars(call))
        os.replace(part, file)
        return call

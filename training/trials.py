"""Evaluation trials: t seconds of speech of one voice, joined from consecutive clips.

Seconds of speech are counted by the reference detector on the clean clips, never by the model
under test, so that every detector hears the same audio.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.heard import Heard, View
from ringtrue.training.speech_labels import FRAME_SAMPLES, FRAMES_PER_SECOND

DURATIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds of speech at which detectors are read."""


@dataclass(frozen=True)
class Piece:
    """The first ``samples`` samples of a heard clip."""

    clip: str
    samples: int


@dataclass(frozen=True)
class Trial:
    """One question to a detector: is the voice of this audio a robot's?

    Attributes:
        id: unique within a view.
        robot: the truth.
        label: label of the clips.
        seconds: speech in the trial, in s, by the reference detector.
        pieces: what is joined, in order.
        group: recording or voice that the clips share.
        source, system, language: of the clips (language empty where they differ).
        codec: first codec of the simulated line if all clips share it, else ``mixed``; empty for
            phone recordings.
        view: name of the view the audio comes from.
    """

    id: str
    robot: bool
    label: str
    seconds: float
    pieces: tuple[Piece, ...]
    group: str
    source: str
    system: str
    language: str
    codec: str
    view: str


def plan_trials(view: str, heard: View, seconds: float) -> list[Trial]:
    """Trials of ``seconds`` s of speech.

    Within each recording, else each voice of a source, clips are walked in manifest order and
    joined until there is enough speech; the audio ends there, and the next trial begins with the
    next clip. What is left at the end of a group is dropped.

    Raises:
        ValueError: ``seconds`` is not above 0.
    """
    if not seconds > 0:
        raise ValueError(f"expected seconds above 0, got {seconds}")
    needed = round(seconds * FRAMES_PER_SECOND)
    trials: list[Trial] = []
    for members in groups_of(heard.values()).values():
        joined: list[tuple[Heard, int]] = []
        count = 0
        for item in members:
            ends = np.flatnonzero(item.speech)
            missing = needed - count
            if len(ends) < missing:
                joined.append((item, len(item.samples)))
                count += len(ends)
                continue
            joined.append((item, (int(ends[missing - 1]) + 1) * FRAME_SAMPLES))
            trials.append(trial_of(view, seconds, joined))
            joined, count = [], 0
    return trials


def audio_of(trial: Trial, heard: View) -> NDArray[np.float32]:
    """Samples of a trial, [n] float32 −1…1 at 8 kHz."""
    joined = np.concatenate([heard[p.clip].samples[: p.samples] for p in trial.pieces])
    return joined.astype(np.float32) / np.float32(32768)


def speech_of(trial: Trial, heard: View) -> NDArray[np.bool_]:
    """Reference speech activity per sample of a trial, [n] bool; False in a last part frame."""
    return np.concatenate([_sample_mask(heard[p.clip], p.samples) for p in trial.pieces])


def groups_of(heard: Iterable[Heard]) -> dict[tuple[str, str], list[Heard]]:
    """Heard clips by group and label, in order."""
    groups: dict[tuple[str, str], list[Heard]] = defaultdict(list)
    for item in heard:
        groups[item.clip.group, item.clip.label].append(item)
    return dict(groups)


def _sample_mask(item: Heard, samples: int) -> NDArray[np.bool_]:
    mask = np.zeros(len(item.samples), np.bool_)
    spread = np.repeat(item.speech, FRAME_SAMPLES)[: len(mask)]
    mask[: len(spread)] = spread
    return mask[:samples]


def trial_of(view: str, seconds: float, joined: Sequence[tuple[Heard, int]]) -> Trial:
    """The trial that joins the first samples of heard clips of one group."""
    first = joined[0][0].clip
    languages = {item.clip.language for item, _ in joined}
    codecs = Counter(item.codecs[0] if item.codecs else "" for item, _ in joined)
    return Trial(
        id=f"{first.id}+{len(joined) - 1}@{seconds:g}",
        robot=first.is_robot,
        label=first.label,
        seconds=seconds,
        pieces=tuple(Piece(item.clip.id, samples) for item, samples in joined),
        group=first.group,
        source=first.source,
        system=first.system or first.source if first.is_robot else "",
        language=languages.pop() if len(languages) == 1 else "",
        codec=next(iter(codecs)) if len(codecs) == 1 else "mixed",
        view=view,
    )

"""Ground truth of a simulated call, as it is written beside the audio."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.callsim.dialogue import Spoken
from ringtrue.training.callsim.parties import Script


@dataclass(frozen=True)
class Sound:
    """Something other than speech at the far end, at ``at`` s."""

    name: str
    at: float
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Stretch:
    """A sound's name and its times in s."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Said:
    """One stretch of speech.

    Attributes:
        party: ``far`` or ``near``.
        role: ``person``, ``bot``, ``ivr`` or ``greeting``.
        kind: ``turn``, ``backchannel`` or ``interruption``.
        start, end: s of the call.
        clips: ids of the clips it was cut from.
        prompt: name of the prompt; empty for people.
        repeat_of: s of the call at which the same prompt began before, or None.
        broken_off: the party was interrupted and stopped.
    """

    party: str
    role: str
    kind: str
    start: float
    end: float
    clips: tuple[str, ...]
    prompt: str = ""
    repeat_of: float | None = None
    broken_off: bool = False


@dataclass(frozen=True)
class CallTruth:
    """What happened in one call.

    Attributes:
        call: id, also the name of its files.
        index: in its set.
        kind: ``human``, ``tts``, ``scripted``, ``handover`` or ``voicemail``.
        split: of the clips.
        seconds: length.
        prelude: ``ring``, ``music``, ``ivr`` or empty.
        handover_at: s at which the bot left, or None.
        person, near: speakers; ``person`` is the live far end, empty without one.
        bot, bot_source, bot_system: voice of the prompts; ``bot_system`` is empty for recordings.
        campaign: calls with the same name have the same bot.
        delay: s of the line there and back.
        lines: steps of each side's channel, in order.
        said: speech of both sides by time.
        sounds: ring tones, music and beeps.
    """

    call: str
    index: int
    kind: str
    split: str
    seconds: float
    prelude: str
    handover_at: float | None
    person: str
    near: str
    bot: str
    bot_source: str
    bot_system: str
    campaign: str
    delay: float
    lines: Mapping[str, Sequence[str]]
    said: tuple[Said, ...]
    sounds: tuple[Stretch, ...]

    @property
    def robot(self) -> bool | None:
        """Whether the caller is a robot all along; None where it depends on the time."""
        return {"human": False, "tts": True, "scripted": True}.get(self.kind)

    @property
    def person_from(self) -> float | None:
        """s at which the live far end first speaks, or None without one."""
        starts = [s.start for s in self.said if s.party == "far" and s.role == "person"]
        return min(starts, default=None)

    def far_speech(self, until: float) -> float:
        """s of the caller's speech (without IVR) before ``until`` s of the call."""
        return sum(
            max(0.0, min(s.end, until) - s.start)
            for s in self.said
            if s.party == "far" and s.role != "ivr"
        )

    def repeats(self, shortest: float = 2.0) -> int:
        """Prompts of at least ``shortest`` s that were heard again."""
        return sum(s.repeat_of is not None and s.end - s.start >= shortest for s in self.said)


def truth_of(
    *, bot: Script | None, spoken: Sequence[Spoken], sounds: Sequence[Stretch], **fields: Any
) -> CallTruth:
    """The truth of a rendered call; see :class:`CallTruth` for ``fields``."""
    first: dict[str, float] = {}
    said = []
    for s in sorted(spoken, key=lambda s: s.start):
        prompt = s.line.prompt
        said.append(
            Said(
                s.party,
                s.role,
                s.kind,
                round(s.start, 3),
                round(s.end, 3),
                s.line.clips,
                prompt,
                first.get(prompt) if prompt else None,
                s.broken_off,
            )
        )
        if prompt:
            first.setdefault(prompt, round(s.start, 3))
    return CallTruth(
        bot=bot.voice if bot else "",
        bot_source=bot.source if bot else "",
        bot_system=bot.system if bot else "",
        said=tuple(said),
        sounds=tuple(sounds),
        **fields,
    )


def write_truth(truth: CallTruth, path: Path) -> None:
    """Write JSON, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(dataclasses.asdict(truth), ensure_ascii=False), encoding="utf-8")
    part.replace(path)


def read_truth(path: Path) -> CallTruth:
    """Read what :func:`write_truth` wrote.

    Raises:
        ValueError: not such a file.
        OSError: it cannot be read.
    """
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        row["said"] = tuple(Said(**{**s, "clips": tuple(s["clips"])}) for s in row["said"])
        row["sounds"] = tuple(Stretch(**s) for s in row["sounds"])
        return CallTruth(**row)
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: is not the truth of a simulated call: {error}") from error

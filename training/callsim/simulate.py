"""One simulated call of a kind: who, what, when, through which line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.callsim.cast import Cast, Voice, draw_voice
from ringtrue.training.callsim.dialogue import Conversation, Spoken
from ringtrue.training.callsim.manner import machine, person
from ringtrue.training.callsim.parties import Bot, Line, Person, Script, script_of
from ringtrue.training.callsim.sounds import (
    Materials,
    background,
    background_power,
    beep,
    hold_music,
    ring_tone,
    with_room_tone,
)
from ringtrue.training.callsim.truth import CallTruth, Sound, Stretch, truth_of
from ringtrue.training.callsim.utterances import Supply, make_prompts
from ringtrue.training.channel.base import SAMPLE_RATE
from ringtrue.training.channel.levels import FRAME
from ringtrue.training.manifest import Manifest

Samples = NDArray[np.float32]

KINDS = ("human", "tts", "scripted", "handover", "voicemail")
CAMPAIGN = 5
"""Consecutive calls of a kind that share one bot."""
PRELUDES = 0.25
"""Share of calls with a ring tone, hold music or an IVR prompt before the parties."""
SHARE = (0.18, 0.55)
"""Share of the call that the far end talks."""
CONTINUOUS = {"scripted": 0.25, "tts": 0.4}
"""Share of bots with a continuous background, as people have."""


@dataclass(frozen=True)
class Studio:
    """All that calls of one set are made from."""

    manifest: Manifest
    split: str
    cast: Cast
    materials: Materials


@dataclass(frozen=True)
class SimulatedCall:
    """A call and its ground truth.

    Attributes:
        samples: [n, 2] int16 at 8 kHz; left is the far end, right the near end.
        truth: who said what, when.
    """

    samples: NDArray[np.int16]
    truth: CallTruth


@dataclass
class _Plan:
    """A call on its way: the far end's and near end's speech and sounds."""

    spoken: list[Spoken]
    sounds: list[Sound]
    grounds: list[tuple[float, float, float]]
    """Continuous backgrounds of the far end: from, to (s; inf: the end of the call), power."""
    end: float = 0.0
    handover: float | None = None
    script: Script | None = None
    voice: Voice | None = None


def simulate(
    studio: Studio, kind: str, index: int, seed: int, seconds: float, kinds: Sequence[str] = KINDS
) -> SimulatedCall:
    """Call ``index`` of a set; the same arguments give the same samples.

    Args:
        studio: material.
        kind: one of :data:`KINDS`.
        index: of the call in its set.
        seed: of the set.
        seconds: longest call; a call ends earlier where a person has nothing new to say.
        kinds: the kinds of the set; calls of one kind form campaigns of :data:`CAMPAIGN`.

    Raises:
        ValueError: an unknown kind, or a clip that cannot be read.
    """
    if kind not in KINDS:
        raise ValueError(f"expected a kind of {', '.join(KINDS)}, got {kind!r}")
    rng = np.random.default_rng([seed, index])
    campaign = index // len(kinds) // CAMPAIGN
    plan = _plan(studio, kind, campaign, seed, seconds, rng)
    near_voice = _near_voice(studio, plan, rng)
    # Drawn for bots too: how much the far end talks must not tell the kinds apart.
    voice = draw_voice(studio.cast.live, rng, SHARE[0] * seconds, other_than=near_voice.name)
    share = float(rng.uniform(SHARE[0], np.clip(0.85 * voice.seconds / seconds, *SHARE)))
    near = Person(
        person(rng),
        Supply(studio.manifest, near_voice, rng, again=True),
        scale=(1 - share) / share,
    )
    delay = float(rng.uniform(0.05, 0.4))
    prelude = _prelude(studio, plan, kind, rng)
    begin = plan.end
    if kind == "voicemail":
        _voicemail(studio, plan, near, seconds, rng)
    elif kind == "human":
        live = _live(studio, plan, voice, rng)
        _talk(plan, rng, live, near, delay, begin, seconds, "near")
        plan.grounds.append((0.0, np.inf, background_power(rng)))
    else:
        bot_end = seconds
        if kind == "handover":
            bot_end = begin + float(rng.uniform(0.35, 0.6)) * (seconds - begin)
        assert plan.script is not None
        scripted = not plan.script.system
        bot = Bot(machine(_bot_rng(seed, kind, campaign), scripted), plan.script)
        _talk(plan, rng, bot, near, delay, begin, bot_end, "near")
        continuous = rng.random() < CONTINUOUS["scripted" if scripted else "tts"]
        power = background_power(rng)
        ground_end = np.inf
        if kind == "handover":
            _handover(studio, plan, near, voice, delay, seconds, rng)
            assert plan.handover is not None
            ground_end = plan.handover
        if continuous:
            plan.grounds.append((0.0, ground_end, power))
    return _render(studio, plan, kind, index, seed, prelude, near_voice, delay, campaign, rng)


def _bot_rng(seed: int, kind: str, campaign: int) -> np.random.Generator:
    # The same campaign gives the same bot in each of its calls.
    return np.random.default_rng([seed, 1_000_003, KINDS.index(kind), campaign])


def _plan(
    studio: Studio, kind: str, campaign: int, seed: int, seconds: float, rng: np.random.Generator
) -> _Plan:
    plan = _Plan([], [], [])
    if kind in ("tts", "scripted", "handover"):
        bot_rng = _bot_rng(seed, f"{kind}", campaign)
        bot_rng.random(64)  # The manner of the bot is drawn from the beginning of this stream.
        scripted = kind == "scripted" or (kind == "handover" and bool(bot_rng.random() < 0.5))
        plan.script = make_script(studio, f"{kind}{campaign}", scripted, bot_rng)
    elif kind == "voicemail":
        plan.script = make_script(studio, f"mailbox{int(rng.integers(2**31))}", True, rng, count=2)
    return plan


def make_script(
    studio: Studio, name: str, scripted: bool, rng: np.random.Generator, count: int | None = None
) -> Script:
    """A bot's prompts: of a recorded person, each with the noise of its room, or synthetic."""
    voice = draw_voice(studio.cast.prompts if scripted else studio.cast.synthetic, rng)
    supply = Supply(studio.manifest, voice, rng)
    count = count or int(rng.integers(8, 15))
    fallback = float(rng.uniform(0.15, 0.45))
    if not scripted and rng.random() < 0.4:
        fallback = 0.0  # A voice agent that words every answer anew.
    script = script_of(name, supply, make_prompts(supply, count, rng), fallback)
    if not scripted:
        return script
    typical = background_power(rng)
    lines = []
    for line in script.lines:
        # One studio or office, another take: the level of its noise differs by some dB.
        power = max(typical * 10 ** (0.4 * float(rng.standard_normal())), line.floor)
        lines.append(with_room_tone(line, studio.materials, power, rng))
    return replace(script, lines=tuple(lines))


def _near_voice(studio: Studio, plan: _Plan, rng: np.random.Generator) -> Voice:
    taken = plan.script.voice if plan.script else ""
    return draw_voice(studio.cast.live, rng, other_than=taken)


def _live(studio: Studio, plan: _Plan, voice: Voice, rng: np.random.Generator) -> Person:
    plan.voice = voice
    return Person(person(rng), Supply(studio.manifest, voice, rng))


def _talk(
    plan: _Plan,
    rng: np.random.Generator,
    far: Person | Bot,
    near: Person,
    delay: float,
    begin: float,
    end: float,
    opens: str,
) -> None:
    spoken = Conversation(rng, far, near, delay).run(begin, end, opens)
    plan.spoken += spoken
    plan.end = max([plan.end, *(s.end for s in spoken)])


def _handover(
    studio: Studio,
    plan: _Plan,
    near: Person,
    voice: Voice,
    delay: float,
    seconds: float,
    rng: np.random.Generator,
) -> None:
    """A pause or hold music, then a person on the same line."""
    plan.handover = at = plan.end + 0.2
    if rng.random() < 0.5:
        length = float(rng.uniform(2.0, 6.0))
        plan.sounds.append(Sound("music", at, hold_music(studio.materials, length, rng)))
        plan.end = at + length
    else:
        plan.end = at + float(rng.uniform(0.3, 2.0))
    live = _live(studio, plan, voice, rng)
    begin = plan.end
    _talk(plan, rng, live, near, delay, begin, max(seconds, begin + 20.0), "far")
    plan.grounds.append((at, np.inf, background_power(rng)))


def _prelude(studio: Studio, plan: _Plan, kind: str, rng: np.random.Generator) -> str:
    """Ring tone, hold music or an IVR before the parties speak."""
    if rng.random() >= (0.8 if kind == "voicemail" else PRELUDES):
        return ""
    name = (
        "ring"
        if kind == "voicemail"
        else str(rng.choice(["ring", "music", "ivr"], p=[0.5, 0.3, 0.2]))
    )
    length = float(rng.uniform(2.0, 9.0))
    if name == "ring":
        plan.sounds.append(Sound("ring", 0.0, ring_tone(length, rng)))
    elif name == "music":
        plan.sounds.append(Sound("music", 0.0, hold_music(studio.materials, length, rng)))
    else:
        script = make_script(studio, "ivr", bool(rng.random() < 0.5), rng, count=2)
        length = _say(plan, script, "ivr", 0.4) + float(rng.uniform(0.3, 1.5))
        if rng.random() < 0.4:
            wait = float(rng.uniform(2.0, 6.0))
            plan.sounds.append(Sound("music", length, hold_music(studio.materials, wait, rng)))
            length += wait
    plan.end = length
    return name


def _say(plan: _Plan, script: Script, role: str, at: float) -> float:
    """All prompts of a script one after the other; the end in s."""
    for line in script.lines:
        plan.spoken.append(Spoken("far", role, "turn", at, line))
        at += line.seconds + 0.5
    return at


def _voicemail(
    studio: Studio, plan: _Plan, near: Person, seconds: float, rng: np.random.Generator
) -> None:
    assert plan.script is not None
    end = _say(plan, plan.script, "greeting", plan.end + float(rng.uniform(0.5, 1.5)))
    plan.sounds.append(Sound("beep", end + 0.3, beep()))
    at = end + float(rng.uniform(1.2, 2.5))
    stop = min(seconds, at + float(rng.uniform(8.0, 20.0)))
    while at < stop:
        line = near.turn(rng)
        if line is None:
            break
        plan.spoken.append(Spoken("near", "person", "turn", at, line))
        at += line.seconds + float(rng.uniform(0.3, 0.8))
    plan.end = at + float(rng.uniform(0.5, 2.0))


def _render(
    studio: Studio,
    plan: _Plan,
    kind: str,
    index: int,
    seed: int,
    prelude: str,
    near_voice: Voice,
    delay: float,
    campaign: int,
    rng: np.random.Generator,
) -> SimulatedCall:
    length = int((plan.end + float(rng.uniform(0.3, 1.5))) * SAMPLE_RATE)
    length -= length % FRAME
    far, near = np.zeros(length, np.float32), np.zeros(length, np.float32)
    for spoken in plan.spoken:
        start = round(spoken.start * SAMPLE_RATE) - spoken.line.lead
        _add(far if spoken.party == "far" else near, spoken.line, start)
    for sound in plan.sounds:
        _mix(far, sound.samples, round(sound.at * SAMPLE_RATE))
    floors = [s.line.floor for s in plan.spoken if s.party == "far"]
    for begin, end, power in plan.grounds:
        start, stop = round(begin * SAMPLE_RATE), min(length, round(min(end, 1e6) * SAMPLE_RATE))
        # Louder than what the clips bring along, so that their borders do not show.
        enough = max(power, 2.0 * float(np.median(floors))) if floors else power
        if stop > start:
            far[start:stop] += background(studio.materials, stop - start, enough, rng)
    near_floors = [s.line.floor for s in plan.spoken if s.party == "near"]
    near_power = max([background_power(rng), 2.0 * float(np.median(near_floors or [0.0]))])
    near += background(studio.materials, length, near_power, rng)
    far_rng, near_rng = rng.spawn(2)
    steps: dict[str, list[str]] = {}
    heard = []
    for name, samples, generator in (("far", far, far_rng), ("near", near, near_rng)):
        through, first = studio.materials.device.traced(samples, generator)
        through, second = studio.materials.line.traced(through, generator)
        steps[name] = [step.name for step in (*first, *second)]
        heard.append(np.clip(np.rint(through * 32768), -32768, 32767).astype(np.int16))
    truth = truth_of(
        call=f"{studio.split}-{seed}-{index:05d}",
        index=index,
        kind=kind,
        split=studio.split,
        seconds=length / SAMPLE_RATE,
        prelude=prelude,
        handover_at=plan.handover,
        person=plan.voice.name if plan.voice else "",
        near=near_voice.name,
        bot=plan.script,
        campaign=f"{kind}{campaign}" if kind in ("tts", "scripted", "handover") else "",
        delay=delay,
        lines=steps,
        spoken=plan.spoken,
        sounds=[Stretch(s.name, s.at, s.at + len(s.samples) / SAMPLE_RATE) for s in plan.sounds],
    )
    return SimulatedCall(np.stack(heard, axis=1), truth)


def _add(track: Samples, line: Line, start: int) -> None:
    _mix(track, line.samples, start)


def _mix(track: Samples, samples: Samples, start: int) -> None:
    cut = max(0, -start)
    start = max(0, start)
    stop = min(len(track), start + len(samples) - cut)
    if stop > start:
        track[start:stop] += samples[cut : cut + stop - start]

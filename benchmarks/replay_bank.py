"""The bank of ``replay.py``: many prompts, queries that are in it and clips that are not."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator

import numpy as np
from replay_fit import TAIL, fit
from replay_material import RATE, SAME_WORDS, Material, Samples
from replay_peer import Chromaprint, Row, interval

from ringtrue.inference.replay.bank import MAX_PROMPTS
from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.replay.keyed import Keyed
from ringtrue.inference.replay.likelihood import BANK_BAR
from ringtrue.inference.replay.prompt import Prompt
from ringtrue.inference.replay.prompt_index import PromptIndex
from ringtrue.training.manifest import Clip

CALL_SECONDS = 120.0
"""Speech of a call that the likelihood ratio is fitted for, s."""


def _pieces(material: Material, rng: np.random.Generator) -> list[tuple[Clip, slice]]:
    """Speech of ``train`` to fill the bank with, in random order; long clips make two prompts."""
    pieces: list[tuple[Clip, slice]] = []
    for clip in material.manifest:
        if clip.split != "train" or clip.label == "nonspeech" or clip.seconds < 1.5:
            continue
        if clip.seconds < 4.0:
            pieces.append((clip, slice(None)))
        else:
            middle = round(clip.seconds * RATE / 2)
            pieces += [(clip, slice(middle)), (clip, slice(middle, None))]
    return [pieces[i] for i in rng.permutation(len(pieces))]


def bank(material: Material, prompts: int, trials: int, seed: int) -> Iterator[Row]:
    """Recall, false matches and time of lookups; the likelihood ratio; Chromaprint beside it."""
    own = [c for c in material.human if c.source not in SAME_WORDS and c.seconds >= 3.3]
    rng = np.random.default_rng([seed, 2])
    own = [own[i] for i in rng.permutation(len(own))]
    asked = own[: min(trials, len(own) // 2)]
    unknown = own[len(asked) :]
    asked_ids = {clip.id for clip in asked}
    fill = _pieces(material, rng)
    keyed = Keyed(bytes(16))
    stored: list[Prompt] = []
    peer = Chromaprint.create()
    kept: list[Clip] = []
    for clip, part in [*((clip, slice(None)) for clip in asked), *fill]:
        if len(stored) == prompts:
            break
        first = material.line(
            material.read(clip)[part], float(rng.uniform(15, 30)), rng, recorded=False
        )
        marks = fingerprint(first)
        if not len(marks.codes):
            continue  # half of a clip may be silent
        stored.append(Prompt.of(marks, keyed))
        kept.append(clip)
        if peer is not None and clip.id in asked_ids:
            peer.add(first)
    index = PromptIndex(stored, keyed)
    times: list[float] = []

    def look_up(sound: Samples) -> dict[int, float]:
        heard = fingerprint(sound)
        before = time.perf_counter()
        found = index.search(heard.codes, heard.frames, heard.shape, bar=-np.inf)
        times.append(1000 * (time.perf_counter() - before))
        return {f.prompt: f.score for f in found}

    true: list[float] = []
    number_of = {clip.id: number for number, clip in enumerate(kept) if clip.id in asked_ids}
    for clip in asked:
        number = number_of.get(clip.id, -1)
        sound = material.line(material.prompt(clip, 3.0), 15.0, rng, recorded=False)
        padded = np.pad(sound, (int(rng.integers(2000, 4000)), 4000))
        true.append(look_up(padded).get(number, -np.inf))
        if peer is not None:
            peer.ask(padded, number)
    wrong: list[float] = []
    doubles: set[str] = set()
    for clip in unknown:
        sound = material.line(material.read(clip), float(rng.uniform(15, 30)), rng, recorded=False)
        matches = look_up(sound)
        for prompt in [p for p, score in matches.items() if score >= BANK_BAR]:
            other = kept[prompt]
            double = material.same_recording(clip, other)
            print(f"  {clip.id} {other.id} {matches[prompt]:.1f} double={double}", file=sys.stderr)
            if double:
                doubles.add(clip.id)
                del matches[prompt]
        wrong.append(max(matches.values(), default=-np.inf))
        if peer is not None and clip.id not in doubles:
            peer.ask_unknown(sound)
    hits = sum(score >= BANK_BAR for score in true)
    false = sum(score >= BANK_BAR for score in wrong)
    yield {
        "bank": f"ringtrue, {len(index)} prompts",
        "asked": len(asked),
        "recall": hits / max(1, len(asked)),
        "interval": interval(hits, len(asked)),
        "unknown": len(unknown),
        "recordings twice in the corpus": len(doubles),
        "false": false,
        "of false": interval(false, len(unknown)),
        "highest": max(wrong, default=-np.inf),
        "median (ms)": float(np.median(times[: len(asked)])),
        "95 % (ms)": float(np.percentile(times[: len(asked)], 95)),
    }
    if peer is not None:
        yield peer.row(len(unknown) - len(doubles))
    if len(wrong) * TAIL >= 10 and np.mean(np.isfinite(wrong)) > TAIL:
        fitted = fit(wrong, true, BANK_BAR)
        # A call asks about more speech than a clip, and a full bank has more to mistake it for:
        # where matches are rare, their rate grows with both.
        spoken = float(np.mean([clip.seconds for clip in unknown]))
        more = CALL_SECONDS / spoken * max(1.0, MAX_PROMPTS / len(index))
        less = math.log(more)
        yield {
            "bank": f"fit of {len(wrong)} clips of {spoken:.1f} s: BASE {fitted.base - less:.2f}, "
            f"SLOPE {fitted.slope:.2f} ({fitted.base:.2f} for one clip and these prompts); tail "
            f"from {fitted.start:.2f}, scale {fitted.scale:.2f} (upper {fitted.scale_upper:.2f}), "
            f"true {fitted.spread[0]:.1f}…{fitted.spread[1]:.1f}; {more * fitted.rate:.2g} of the "
            f"calls reach the bar of a full bank; LLR {fitted.measured - less:.1f} at the highest"
        }

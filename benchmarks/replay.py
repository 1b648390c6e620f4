"""Replay evidence: recall and false matches over codecs and noise, a bank, its speed, Chromaprint.

python benchmarks/replay.py CORPUS [--split dev|eval] [--parts recall,false,bank,speed,fit]
                            [--trials 20] [--codecs gsm,…] [--calls 1000] [--prompts 10000]
                            [--seed 1] [--keep FOLDER] [--json FILE]

recall   a prompt is heard twice in a call of 30 s, each time through another codec and noise at the
         SNR of the row; found when a match has the right distance. "spoken" are the trials whose
         clip the network takes for speech at least half of the time, without noise and codec
false    human calls of 2 minutes without a clip used twice, half of them of sources where one
         person says the same words again; every match is false, unless the corpus holds the
         recording twice
bank     prompts of 3 s looked up among many; human clips that are not in it; Chromaprint on the
         same audio (needs 'pip install pyacoustid' and libchromaprint); the fit of the
         likelihood ratio of a match
speed    CPU time per 100 ms of a call, without the network
fit      constants of the likelihood ratio of a repeat, from calls as those of recall and false;
         choose them on dev

Intervals are 95 % (Clopper-Pearson). The speech probability comes from the released model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from common import show
from replay_bank import bank
from replay_calls import CHUNK, KINDS, SECONDS, SNRS, Call, Calls
from replay_fit import fit
from replay_material import RATE, Material
from replay_peer import Row, interval
from replay_recall import recall

from ringtrue.inference.evidence.base import Chunk
from ringtrue.inference.evidence.replay import SPEECH_THRESHOLD, ReplayMatch, ReplayStream
from ringtrue.inference.replay.fingerprint import Fingerprinter
from ringtrue.inference.replay.frames import FRAME_RATE
from ringtrue.inference.replay.likelihood import REPEAT_BAR
from ringtrue.inference.replay.memory import CallMemory
from ringtrue.inference.replay.repeats import EVERY, HISTORY, Repeat, RepeatFinder
from ringtrue.inference.session import Session
from ringtrue.training.channel.presets import CODECS


@dataclass
class Run:
    """What all parts share."""

    calls: Calls
    seed: int

    @property
    def material(self) -> Material:
        """Clips of the split."""
        return self.calls.material

    @staticmethod
    def matches(call: Call) -> tuple[ReplayMatch, ...]:
        """Everything that the stream finds in a call."""
        stream = ReplayStream()
        for number, speech in enumerate(call.speech):
            pcm = call.samples[number * CHUNK : (number + 1) * CHUNK]
            stream.push(Chunk(pcm, float(speech), (number + 1) * CHUNK / RATE))
        return stream.matches

    def false(self, calls: int) -> Iterator[Row]:
        """Human calls with a match, by kind."""
        for kind, title in KINDS.items():
            if not self.calls.sources(kind):
                continue
            wrong = doubles = 0
            count = calls // 2
            for number in range(count):
                call = self.calls.human(kind, number)
                real = False
                for match in self.matches(call):
                    first, second = (
                        self.calls.clip(call.clip_at(at))
                        for at in (match.earlier or 0.0, match.start)
                    )
                    double = first != second and self.material.same_recording(first, second)
                    doubles += double
                    real |= not double
                    print(f"  {title}: {first.id} {second.id} {match.reason} double={double}")
                wrong += real
            yield {
                "human calls of 2 min": title,
                "calls": count,
                "calls with a false match": wrong,
                "interval": interval(wrong, count),
                "recordings twice in the corpus": doubles,
            }

    def fit(self, trials: int, calls: int) -> Iterator[Row]:
        """Constants of the likelihood ratio of a repeat inside a call."""
        repeats = [
            self.highest(self.calls.replayed(codec, snr, seconds, trial))
            for codec, snr, seconds in product(CODECS, SNRS, SECONDS)
            for trial in range(trials)
        ]
        people = [
            self.highest(self.calls.human(kind, number))
            for kind in KINDS
            for number in range(calls // 2)
        ]
        fitted = fit(people, repeats, REPEAT_BAR)
        yield {
            "calls of people": fitted.calls,
            "that reach the bar": sum(score >= REPEAT_BAR for score in people),
            "highest": max(people),
            "tail from": fitted.start,
            "scale": fitted.scale,
            "upper": fitted.scale_upper,
            "calls with a repeat": len(repeats),
            "5 %": fitted.spread[0],
            "95 %": fitted.spread[1],
            "at the bar": fitted.rate,
            "BASE": fitted.base,
            "SLOPE": fitted.slope,
            "LLR at the highest": fitted.measured,
        }

    def highest(self, call: Call) -> float:
        """Highest score of a candidate: of the true distance where a clip is heard twice, of any
        two recordings that are not the same in calls of people."""
        best = -np.inf

        def consider(repeat: Repeat) -> None:
            nonlocal best
            if repeat.score > best and self._is_meant(repeat, call):
                best = repeat.score

        memory = CallMemory(HISTORY)
        finder = RepeatFinder(memory, consider)
        maker = Fingerprinter()
        step = EVERY * CHUNK
        for at in range(0, len(call.samples) // step * step, step):
            for speech in call.speech[at // CHUNK : (at + step) // CHUNK]:
                memory.add_speech(bool(speech >= SPEECH_THRESHOLD))
            samples = call.samples[at : at + step]
            piece = maker.push(samples)
            memory.add_audio(samples)
            memory.add_shape(piece.shape)
            finder.push(piece)
        return float(best)

    def _is_meant(self, repeat: Repeat, call: Call) -> bool:
        if call.distance:
            return abs(repeat.distance / FRAME_RATE - call.distance) < 0.06
        at = repeat.start / FRAME_RATE
        first, second = (
            self.calls.clip(call.clip_at(t)) for t in (at - repeat.distance / FRAME_RATE, at)
        )
        return first == second or not self.material.same_recording(first, second)

    def speed(self) -> Iterator[Row]:
        """CPU time per chunk of a human call of 2 minutes."""
        rng = np.random.default_rng([self.seed, 3])
        source = max(self.material.sources, key=lambda s: len(self.material.sources[s]))
        call, _ = self.material.human_call(rng, 120.0, source)
        heard = self.material.line(call, 20.0, rng)
        stream = ReplayStream()
        times = []
        for at in range(0, len(heard) - 799, 800):
            chunk = Chunk(heard[at : at + 800], 1.0, (at + 800) / RATE)
            before = time.thread_time()
            stream.push(chunk)
            times.append(1000 * (time.thread_time() - before))
        yield {
            "speed": "replay stream, CPU ms per 100 ms",
            "mean": float(np.mean(times)),
            "median": float(np.median(times)),
            "99 %": float(np.percentile(times, 99)),
            "largest": float(np.max(times)),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Replay evidence over codecs and noise.")
    parser.add_argument("corpus", type=Path, help="folder with manifest.jsonl")
    parser.add_argument("--split", default="dev", choices=("dev", "eval"))
    parser.add_argument("--parts", default="recall,false,bank,speed")
    parser.add_argument("--trials", type=int, default=20, help="per cell; times 10 for the bank")
    parser.add_argument("--codecs", default=",".join(CODECS), help="of the second time")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the calls that are made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="FILE gets the part's name added")
    chosen = parser.parse_args()
    material = Material(chosen.corpus, chosen.split)
    run = Run(Calls(material, Session(), chosen.seed, chosen.keep), chosen.seed)
    parts = {
        "recall": lambda: recall(run.calls, run.matches, chosen.trials, chosen.codecs.split(",")),
        "false": lambda: run.false(chosen.calls),
        "bank": lambda: bank(material, chosen.prompts, 10 * chosen.trials, chosen.seed),
        "speed": run.speed,
        "fit": lambda: run.fit(chosen.trials, chosen.calls),
    }
    for name in chosen.parts.split(","):
        if name not in parts:
            raise SystemExit(f"expected parts of {', '.join(parts)}, got {name!r}")
        out = chosen.json and chosen.json.with_stem(f"{chosen.json.stem}-{name}")
        show(f"replay, {chosen.split}: {name}", list(parts[name]()), out)


if __name__ == "__main__":
    main()

"""Replay evidence: recall and false matches over codecs and noise, a bank, its speed, Chromaprint.

python benchmarks/replay.py CORPUS [--split dev|eval] [--parts recall,false,bank,speed]
                            [--trials 20] [--calls 1000] [--prompts 10000] [--json FILE]

recall   a prompt is heard twice in a call of 30 s, each time through another codec and noise at the
         SNR of the row; found when a match has the right distance
false    human calls of 2 minutes without a clip used twice, half of them of sources where one
         person says the same words again; every match is false, unless the corpus holds the
         recording twice
bank     prompts of 3 s looked up among many; human clips that are not in it; Chromaprint on the
         same audio (needs 'pip install pyacoustid' and libchromaprint)
speed    CPU time per 100 ms of a call, without the network

Intervals are 95 % (Clopper-Pearson). The speech probability comes from the released model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import show
from replay_material import RATE, SAME_WORDS, Material, Samples
from scipy.stats import beta

from ringtrue.inference.evidence.base import Chunk
from ringtrue.inference.evidence.replay import ReplayMatch, ReplayStream
from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.replay.keyed import Keyed
from ringtrue.inference.replay.prompt import Prompt
from ringtrue.inference.replay.prompt_index import PromptIndex
from ringtrue.inference.session import Session
from ringtrue.training.channel.presets import CODECS

Row = dict[str, Any]


def interval(hits: int, count: int) -> str:
    """Exact binomial interval, percent."""
    low = beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0
    return f"{100 * low:.2f}…{100 * high:.2f} %"


@dataclass
class Run:
    """What all parts share."""

    material: Material
    session: Session
    seed: int

    def matches(self, call: Samples) -> tuple[ReplayMatch, ...]:
        """Everything that the stream finds in a call."""
        stream = ReplayStream()
        state = self.session.zero_state()
        whole = np.concatenate([call, np.zeros(RATE * 3 // 2, np.float32)])
        for at in range(0, len(whole) - 799, 800):
            pcm = whole[at : at + 800]
            step = self.session.run(pcm[np.newaxis], state)
            state = step.state
            stream.push(Chunk(pcm, float(step.speech[0]), (at + 800) / RATE))
        return stream.matches

    def recall(self, trials: int, codecs: Sequence[str]) -> Iterator[Row]:
        """One row per codec, then per SNR and length over all codecs."""
        found: dict[tuple[str, float, float], list[bool]] = {}
        human = [c for c in self.material.human if c.seconds >= 3.3 and c.source not in SAME_WORDS]
        for number, codec in enumerate(codecs):
            for snr in (15.0, 20.0, 30.0):
                for seconds in (1.5, 2.0, 3.0):
                    key = [self.seed, number, int(snr), int(10 * seconds)]
                    cell = found.setdefault((codec, snr, seconds), [])
                    for trial in range(trials):
                        rng = np.random.default_rng([*key, trial])
                        clip = human[int(rng.integers(len(human)))]
                        prompt = self.material.prompt(clip, seconds)
                        call, _ = self.material.human_call(rng, 24.0)
                        other = str(rng.choice([c for c in CODECS if c != codec]))
                        split = 12 * RATE + int(rng.integers(800))
                        gap = np.zeros(RATE // 4, np.float32)
                        one = np.concatenate([call[: 8 * RATE], gap, prompt, gap])
                        two = np.concatenate([call[8 * RATE : split], gap, prompt, gap])
                        whole = np.concatenate(
                            [
                                self.material.line(one, snr, rng, other),
                                self.material.line(two, snr, rng, codec),
                            ]
                        )
                        distance = len(gap) + split - 8 * RATE + len(gap) + len(prompt)
                        cell.append(
                            any(
                                m.earlier is not None
                                and abs(m.start - m.earlier - distance / RATE) < 0.06
                                for m in self.matches(whole)
                            )
                        )
        for codec in codecs:
            yield self._recall_row(f"second time through {codec}", found, codec=codec)
        for snr in (15.0, 20.0, 30.0):
            for seconds in (1.5, 2.0, 3.0):
                name = f"all codecs, {snr:.0f} dB, {seconds} s"
                yield self._recall_row(name, found, snr=snr, seconds=seconds)

    @staticmethod
    def _recall_row(
        name: str,
        found: dict[tuple[str, float, float], list[bool]],
        codec: str | None = None,
        snr: float | None = None,
        seconds: float | None = None,
    ) -> Row:
        hits = [
            hit
            for (c, s, d), cell in found.items()
            if codec in (None, c) and snr in (None, s) and seconds in (None, d)
            for hit in cell
        ]
        return {
            "replay in a call": name,
            "trials": len(hits),
            "recall": float(np.mean(hits)),
            "interval": interval(sum(hits), len(hits)),
        }

    def false(self, calls: int) -> Iterator[Row]:
        """Human calls with a match, by kind."""
        words = [s for s in SAME_WORDS if s in self.material.sources]
        others = [s for s in sorted(self.material.sources) if s not in SAME_WORDS]
        for kind, sources in (("same words again", words), ("other speech", others)):
            if not sources:
                continue
            wrong = doubles = 0
            count = calls // 2
            for number in range(count):
                rng = np.random.default_rng([self.seed, 1, number, len(kind)])
                source = sources[number % len(sources)]
                call, placed = self.material.human_call(rng, 120.0, source)
                heard = self.material.line(call, float(rng.uniform(15, 30)), rng)
                real = False
                for match in self.matches(heard):
                    first, second = (
                        [p.clip for p in placed if p.start <= at + 0.4][-1]
                        for at in (match.earlier or 0.0, match.start)
                    )
                    double = self.material.same_recording(first, second)
                    doubles += double
                    real |= not double
                    print(f"  {kind}: {first.id} {second.id} {match.reason} double={double}")
                wrong += real
            yield {
                "human calls of 2 min": kind,
                "calls": count,
                "calls with a false match": wrong,
                "interval": interval(wrong, count),
                "recordings twice in the corpus": doubles,
            }

    def bank(self, prompts: int, trials: int) -> Iterator[Row]:
        """Recall, false matches and time of lookups; Chromaprint beside it."""
        manifest = self.material.manifest
        own = [c for c in self.material.human if c.source not in SAME_WORDS and c.seconds >= 3.3]
        rng = np.random.default_rng([self.seed, 2])
        own = [own[i] for i in rng.permutation(len(own))]
        asked, unknown = own[: min(trials, len(own) // 2)], own[len(own) // 2 :]
        fill = [c for c in manifest if c.split == "train" and c.label != "nonspeech"]
        fill = [fill[i] for i in rng.permutation(len(fill)) if fill[i].seconds >= 1.5]
        keyed = Keyed(bytes(16))
        stored: list[Prompt] = []
        peer = _Chromaprint.create()
        for number, clip in enumerate([*asked, *fill[: prompts - len(asked)]]):
            first = self.material.line(self.material.read(clip), float(rng.uniform(15, 30)), rng)
            stored.append(Prompt.of(fingerprint(first), keyed))
            if peer is not None and number < len(asked):
                peer.add(first)
        index = PromptIndex(stored, keyed)
        times: list[float] = []
        hits = 0
        for number, clip in enumerate(asked):
            sound = self.material.line(self.material.prompt(clip, 3.0), 15.0, rng)
            padded = np.pad(sound, (int(rng.integers(2000, 4000)), 4000))
            heard = fingerprint(padded)
            before = time.perf_counter()
            found = index.search(heard.codes, heard.frames, heard.shape)
            times.append(1000 * (time.perf_counter() - before))
            hits += any(f.prompt == number for f in found)
            if peer is not None:
                peer.ask(padded, number)
        wrong = 0
        for clip in unknown:
            heard = fingerprint(
                self.material.line(self.material.read(clip), float(rng.uniform(15, 30)), rng)
            )
            wrong += bool(index.search(heard.codes, heard.frames, heard.shape))
            if peer is not None:
                peer.ask_unknown(self.material.read(clip))
        yield {
            "bank": f"ringtrue, {len(index)} prompts",
            "asked": len(asked),
            "recall": hits / max(1, len(asked)),
            "interval": interval(hits, len(asked)),
            "unknown": len(unknown),
            "false": wrong,
            "of false": interval(wrong, len(unknown)),
            "median (ms)": float(np.median(times)),
            "95 % (ms)": float(np.percentile(times, 95)),
        }
        if peer is not None:
            yield peer.row(len(unknown))

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


class _Chromaprint:
    """Chromaprint's own fingerprints (libchromaprint, algorithm 1), compared bit by bit at every
    alignment with at least 8 items in common. It has no threshold for so short clips: its recall
    is given at the threshold at which no unknown clip matches.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._stored: list[np.ndarray[Any, np.dtype[np.uint32]]] = []
        self._asked: list[tuple[float, bool]] = []
        self._unknown: list[float] = []

    @classmethod
    def create(cls) -> _Chromaprint | None:
        """None, with a word, where it is not installed."""
        try:
            import chromaprint
        except ImportError as error:
            print(f"Chromaprint is left out: {error}")
            return None
        return cls(chromaprint)

    def _of(self, samples: Samples) -> np.ndarray[Any, np.dtype[np.uint32]]:
        maker = self._module.Fingerprinter()
        maker.start(RATE, 1)
        maker.feed(np.clip(samples * 32767, -32768, 32767).astype("<i2").tobytes())
        numbers, _ = self._module.decode_fingerprint(maker.finish())
        return np.array(numbers, np.int64).astype(np.uint32)

    def add(self, samples: Samples) -> None:
        self._stored.append(self._of(samples))

    def _best(self, samples: Samples) -> tuple[float, int]:
        query = self._of(samples)
        best = (1.0, -1)
        for number, stored in enumerate(self._stored):
            for shift in range(8 - len(stored), len(query) - 7):
                a, b = query[max(0, shift) :], stored[max(0, -shift) :]
                count = min(len(a), len(b))
                if count < 8:
                    continue
                wrong = np.unpackbits((a[:count] ^ b[:count]).view(np.uint8)).mean()
                best = min(best, (float(wrong), number))
        return best

    def ask(self, samples: Samples, number: int) -> None:
        error, found = self._best(samples)
        self._asked.append((error, found == number))

    def ask_unknown(self, samples: Samples) -> None:
        self._unknown.append(self._best(samples)[0])

    def row(self, unknown: int) -> Row:
        bar = min(self._unknown, default=1.0)
        hits = sum(right and error < bar for error, right in self._asked)
        return {
            "bank": f"Chromaprint, {len(self._stored)} prompts, errors < {bar:.2f}",
            "asked": len(self._asked),
            "recall": hits / max(1, len(self._asked)),
            "interval": interval(hits, len(self._asked)),
            "unknown": unknown,
            "false": 0,
            "of false": interval(0, unknown),
            "median (ms)": None,
            "95 % (ms)": None,
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
    parser.add_argument("--json", type=Path, metavar="FILE", help="FILE gets the part's name added")
    chosen = parser.parse_args()
    run = Run(Material(chosen.corpus, chosen.split), Session(), chosen.seed)
    parts = {
        "recall": lambda: run.recall(chosen.trials, chosen.codecs.split(",")),
        "false": lambda: run.false(chosen.calls),
        "bank": lambda: run.bank(chosen.prompts, 10 * chosen.trials),
        "speed": run.speed,
    }
    for name in chosen.parts.split(","):
        if name not in parts:
            raise SystemExit(f"expected parts of {', '.join(parts)}, got {name!r}")
        out = chosen.json and chosen.json.with_stem(f"{chosen.json.stem}-{name}")
        show(f"replay, {chosen.split}: {name}", list(parts[name]()), out)


if __name__ == "__main__":
    main()

"""Calls and prompts for ``replay.py``, from the corpus and the simulated telephone channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate

from ringtrue.training.channel.generated_noise import generate_noise
from ringtrue.training.channel.levels import active_power
from ringtrue.training.channel.materials import load_noises
from ringtrue.training.channel.presets import CODECS, codec_only
from ringtrue.training.heard import read_clip
from ringtrue.training.manifest import Clip, read_manifest

Samples = npt.NDArray[np.float32]
RATE = 8000
SAME_WORDS = ("speech_commands_test", "fsdd", "arabic_commands", "dspspeech20_zh", "dspspeech20_en")
"""Sources in which one person says the same words again and again."""
NOT_OF_PEOPLE = (
    "picovoice_wakeword",
    "thuhcsi_coherent_tts",
    # Sentences of one talker through many conditions of a listening test: one recording, distorted.
    "itu_p862_pesq",
    # One recording of a demo page processed in several ways, and a clip that repeats itself.
    "firered_tts_demo",
)
"""Sources that hold the same recording more than once."""


@dataclass(frozen=True)
class Placed:
    """Where a clip lies in a call, s."""

    clip: Clip
    start: float


class Material:
    """Clips of one split."""

    def __init__(self, corpus: Path, split: str) -> None:
        self.manifest = read_manifest(corpus / "manifest.jsonl")
        human = [
            c for c in self.manifest.select(split, ("human",)) if c.source not in NOT_OF_PEOPLE
        ]
        if split != "train":
            # Only train has isolated words: they join the calls that must not match.
            human += [
                c for c in self.manifest.select("train", ("human",)) if c.source in SAME_WORDS
            ]
        self.human = human
        self.sources: dict[str, dict[str, list[Clip]]] = {}
        for clip in human:
            self.sources.setdefault(clip.source, {}).setdefault(clip.group, []).append(clip)
        noise = self.manifest.select(split, ("nonspeech",))
        noise = noise if len(noise) else self.manifest.select("train", ("nonspeech",))
        keep = [c for c in noise if c.source in ("esc10", "speechdnn_noises")]
        self._noises = [
            x
            for x in load_noises(type(noise)(tuple(keep), noise.root))
            if x.std() > 1e-4 and not repeats_itself(x)
        ]

    def read(self, clip: Clip) -> Samples:
        """Samples of a clip."""
        return read_clip(self.manifest, clip)

    def line(
        self,
        samples: Samples,
        snr: float,
        rng: np.random.Generator,
        codec: str | None = None,
        recorded: bool = True,
    ) -> Samples:
        """Noise (never the same twice, since looped noise would repeat itself), codec, level.

        Among thousands of clips the few recorded noises do come twice, and are found: there,
        ``recorded=False`` takes generated noise only.
        """
        power = active_power(samples) / 10 ** (snr / 10)
        noisy = samples + self._bed(len(samples), rng, recorded) * np.float32(np.sqrt(power))
        out = codec_only(codec or str(rng.choice(CODECS)))(noisy, rng)
        return out * np.float32(10 ** (rng.uniform(-12, 3) / 20))

    def _bed(self, count: int, rng: np.random.Generator, recorded: bool) -> Samples:
        total = sum(map(len, self._noises)) if recorded else 0
        if rng.random() < 0.3 or total < count:
            bed = generate_noise(str(rng.choice(["white", "pink", "brown"])), count, rng)
        else:
            order = rng.permutation(len(self._noises))
            bed = np.concatenate([self._noises[i] / self._noises[i].std() for i in order])[:count]
        return np.asarray(bed / (np.sqrt(np.mean(np.square(bed))) + 1e-9), np.float32)

    def human_call(
        self, rng: np.random.Generator, seconds: float, source: str | None = None
    ) -> tuple[Samples, list[Placed]]:
        """A call of one speaker without a clip used twice, not yet through a line.

        Where a speaker has less than half of it, others of the same source go on.
        """
        source = source or str(rng.choice(sorted(self.sources)))
        groups = self.sources[source]
        name = sorted(groups)[int(rng.integers(len(groups)))]
        own = [groups[name][i] for i in rng.permutation(len(groups[name]))]
        if sum(c.seconds for c in own) < seconds / 2:
            rest = [c for other in sorted(groups) if other != name for c in groups[other]]
            own += [rest[i] for i in rng.permutation(len(rest))[:150]]
        call = np.zeros(round(seconds * RATE), np.float32)
        placed: list[Placed] = []
        at = 0
        for clip in own:
            at += int(rng.uniform(0.2, 1.5) * RATE)
            if at >= len(call):
                break
            samples = self.read(clip)[: len(call) - at]
            call[at : at + len(samples)] = samples
            placed.append(Placed(clip, at / RATE))
            at += len(samples)
        return call, placed

    def prompt(self, clip: Clip, seconds: float) -> Samples:
        """The stretch of a clip with most energy."""
        samples = self.read(clip)
        count = round(seconds * RATE)
        total = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
        start = int(np.argmax(total[count:] - total[:-count])) if len(samples) > count else 0
        return samples[start : start + count]

    def same_recording(self, a: Clip, b: Clip) -> bool:
        """Whether two clips of the corpus hold one recording, cut or processed differently.

        Then some half second of the first correlates above 0.75 with a place in the second. The
        same words said again by one person stay below, but for single words.
        """
        x, y = self.read(a).astype(np.float64), self.read(b).astype(np.float64)
        window = RATE // 2
        if min(len(x), len(y)) < window:
            return False
        size = 1 << (len(y) + window).bit_length()
        spectrum = np.fft.rfft(y, size)
        sums = np.concatenate([[0.0], np.cumsum(y**2)])
        loud = window * float((x**2).mean())
        # Quiet places would correlate by their hum.
        power = np.maximum(sums[window:] - sums[:-window], 1e-3 * loud)
        for start in range(0, len(x) - window + 1, window // 2):
            piece = x[start : start + window]
            own = float((piece**2).sum())
            if own < loud:
                continue
            product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)))[: len(power)]
            if np.any(np.abs(product) > 0.75 * np.sqrt(own * power)):
                return True
        return False


def repeats_itself(noise: Samples) -> bool:
    """Whether a recording of noise was made longer by playing it again, as some of ESC-10 were.

    Then some half second of it correlates above 0.9 with what comes 1.5 s or more later.
    """
    window, least = RATE // 2, RATE * 3 // 2
    x = noise.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(x**2)])
    quiet = 1e-3 * window * float((x**2).mean())
    for start in range(0, len(x) - window - least, window // 2):
        piece, rest = x[start : start + window], x[start + least :]
        own = float((piece**2).sum())
        power = (sums[window:] - sums[:-window])[start + least :]
        if own < quiet:
            continue
        product = correlate(rest, piece, "valid", "fft")
        if np.any(np.abs(product) > 0.9 * np.sqrt(own * np.maximum(power, quiet))):
            return True
    return False

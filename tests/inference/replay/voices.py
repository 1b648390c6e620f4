"""Made-up voices: harmonics of a wandering pitch under wandering formants, in syllables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import SAMPLE_RATE

Samples = npt.NDArray[np.float32]


def voice(seed: int, seconds: float) -> Samples:
    """[n] float32 at 8 kHz, about −20 dBFS; another seed says something else."""
    rng = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE

    def wander(low: float, high: float, per_second: float) -> npt.NDArray[np.float64]:
        knots = max(2, round(seconds * per_second) + 2)
        places = np.linspace(0, seconds, knots)
        return np.interp(time, places, rng.uniform(low, high, knots))

    pitch = wander(95, 210, 5)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    formants = [wander(350, 850, 7), wander(950, 2200, 7), wander(2300, 3100, 5)]
    out = np.zeros(count)
    for harmonic in range(1, 30):
        frequency = harmonic * pitch
        gain = sum(
            weight * np.exp(-(((frequency - formant) / 160) ** 2))
            for weight, formant in zip((1.0, 0.6, 0.3), formants, strict=True)
        )
        out += np.where(frequency < 3700, gain, 0) * np.sin(harmonic * phase)
    syllables = np.clip(wander(-0.6, 1.4, 9), 0, 1)
    out = out * syllables + 1e-4 * rng.standard_normal(count)
    scaled: Samples = (0.1 * out / np.sqrt(np.mean(out**2))).astype(np.float32)
    return scaled


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def noise(seed: int, seconds: float, level: float = 0.01) -> Samples:
    """White noise of an effective level."""
    count = round(seconds * SAMPLE_RATE)
    return (level * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def through_mu_law(samples: Samples, gain: float, seed: int) -> Samples:
    """Another line: gain, noise 20 dB below the voice, eight bits of mu-law (ITU-T G.711)."""
    heard = gain * (samples + noise(seed, len(samples) / SAMPLE_RATE))
    size = np.log1p(255 * np.minimum(np.abs(heard), 1)) / np.log(256)
    steps = np.rint(size * 127) / 127
    out: Samples = (np.sign(heard) * (np.expm1(steps * np.log(256)) / 255)).astype(np.float32)
    return out

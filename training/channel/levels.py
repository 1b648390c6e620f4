"""Level measurement in frames of 20 ms."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.channel.base import SAMPLE_RATE, Samples

FRAME: Final = SAMPLE_RATE // 50
_MARGIN: Final = 10 ** (-15.9 / 10)
SILENCE_POWER: Final = 1e-12
"""Powers below this (-120 dBFS) count as digital silence."""


def frame_powers(samples: Samples, frame: int = FRAME) -> NDArray[np.float64]:
    """Mean square per frame of ``frame`` samples; a short last frame counts as a frame."""
    whole = len(samples) // frame
    body = samples[: whole * frame].reshape(whole, frame)
    powers: NDArray[np.float64] = np.einsum("ij,ij->i", body, body, dtype=np.float64) / frame
    rest = samples[whole * frame :]
    if len(rest):
        powers = np.append(powers, np.dot(rest.astype(np.float64), rest) / len(rest))
    return powers


def active_power(samples: Samples) -> float:
    """Mean square over the active part; 0 for digital silence.

    Frames count as active when they lie less than 15.9 dB below the active level, the margin of
    ITU-T P.56 method B, here found by fixed-point iteration over 20 ms frames.
    """
    powers = frame_powers(samples)
    powers = powers[powers > SILENCE_POWER]
    if not len(powers):
        return 0.0
    level = float(powers.mean())
    for _ in range(8):
        updated = float(powers[powers > level * _MARGIN].mean())
        if abs(updated - level) <= 1e-4 * level:
            return updated
        level = updated
    return level


def active_level(samples: Samples) -> float:
    """Active level in dBFS (0 dBFS = mean square 1); -inf for digital silence."""
    power = active_power(samples)
    return float(10 * np.log10(power)) if power > 0 else float("-inf")


def scale_to_active(samples: Samples, level_dbfs: float, max_gain_db: float = 60.0) -> Samples:
    """Samples with their active part at ``level_dbfs``, clipped to -1...1 as a line would.

    The gain is limited to ``max_gain_db``; digital silence stays silent.
    """
    power = active_power(samples)
    if power <= 0:
        return samples
    gain = min(10 ** (level_dbfs / 20) / np.sqrt(power), 10 ** (max_gain_db / 20))
    return np.asarray(np.clip(samples * np.float32(gain), -1.0, 1.0), dtype=np.float32)


def smooth_gain(gains: NDArray[np.float64], length: int, frame: int = FRAME) -> Samples:
    """Per-frame gains interpolated linearly between frame centres to ``length`` samples."""
    centres = np.arange(len(gains)) * frame + frame / 2
    return np.asarray(np.interp(np.arange(length), centres, gains), dtype=np.float32)

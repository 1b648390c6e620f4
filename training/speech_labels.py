"""Reference speech activity from silero-vad, independent of the model under test.

Used as training target of the speech gate and to count the seconds of speech of a trial.
Silero VAD (https://github.com/snakers4/silero-vad, MIT) runs at 8 kHz through onnxruntime with the
weights of the PyPI package ``silero-vad``; torch is not imported.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringtrue.model.contract import SAMPLE_RATE

FRAME_SAMPLES = 160
"""Samples per frame of the labels (20 ms)."""
FRAMES_PER_SECOND = SAMPLE_RATE // FRAME_SAMPLES

_WINDOW = 256
_CONTEXT = 32
_STATE = 128

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def speech_frames(samples: Floats) -> Floats:
    """Speech probability of each whole 20 ms frame.

    Args:
        samples: [n] float32, mono 8 kHz, −1…1.

    Returns:
        [n // 160] float32, 0…1. Interpolated from windows of 32 ms.

    Raises:
        ValueError: ``samples`` is not one-dimensional.
        ModuleNotFoundError: silero-vad is not installed.
    """
    return speech_frames_batch([samples])[0]


def speech_frames_batch(clips: Sequence[Floats]) -> list[Floats]:
    """:func:`speech_frames` of several clips at once, which is faster for many short clips.

    Clips of a batch should be of similar length: shorter ones are padded to the longest.
    """
    for clip in clips:
        if clip.ndim != 1:
            raise ValueError(f"expected samples of shape [n], got {clip.shape}")
    if not clips:
        return []
    longest = max(len(clip) for clip in clips)
    steps = -(-longest // _WINDOW)
    # Each window is preceded by the last 32 samples of the one before; zeros before the first.
    padded = np.zeros((len(clips), _CONTEXT + steps * _WINDOW), np.float32)
    for row, clip in zip(padded, clips, strict=True):
        row[_CONTEXT : _CONTEXT + len(clip)] = clip
    session = _silero()
    state = np.zeros((2, len(clips), _STATE), np.float32)
    rate = np.array(SAMPLE_RATE, np.int64)
    windows = np.empty((steps, len(clips)), np.float32)
    for step in range(steps):
        piece = padded[:, step * _WINDOW : (step + 1) * _WINDOW + _CONTEXT]
        output, state = session.run(None, {"input": piece, "state": state, "sr": rate})
        windows[step] = output[:, 0]
    return [_to_frames(windows[:, i], len(clip)) for i, clip in enumerate(clips)]


def speech_mask(
    samples: Floats, on: float = 0.5, off: float = 0.35, min_pause_seconds: float = 0.1
) -> Mask:
    """Whether each whole 20 ms frame holds speech.

    Args:
        samples: [n] float32, mono 8 kHz.
        on: probability at which speech begins.
        off: probability below which speech ends (hysteresis).
        min_pause_seconds: shorter pauses count as speech.

    Returns:
        [n // 160] bool.
    """
    return mask_of(speech_frames(samples), on, off, min_pause_seconds)


def mask_of(
    probability: Floats, on: float = 0.5, off: float = 0.35, min_pause_seconds: float = 0.1
) -> Mask:
    """The hysteresis of :func:`speech_mask` on probabilities per 20 ms that are at hand.

    Raises:
        ValueError: ``off`` above ``on``.
    """
    if off > on:
        raise ValueError(f"expected off <= on, got off={off}, on={on}")
    index = np.arange(len(probability))
    decided = np.where((probability >= on) | (probability < off), index, -1)
    last = np.maximum.accumulate(decided) if len(index) else decided
    mask = np.zeros(len(index), np.bool_)
    known = last >= 0
    mask[known] = probability[last[known]] >= on
    return _close(mask, round(min_pause_seconds * FRAMES_PER_SECOND))


def speech_seconds(mask: Mask) -> float:
    """Seconds of speech of a mask of 20 ms frames."""
    return float(np.count_nonzero(mask)) / FRAMES_PER_SECOND


def _close(mask: Mask, shortest: int) -> Mask:
    """Fill inner runs of False that are shorter than ``shortest`` frames."""
    speech = np.flatnonzero(mask)
    closed = mask.copy()
    gaps = np.diff(speech)
    for at in np.flatnonzero((gaps > 1) & (gaps <= shortest)):
        closed[speech[at] : speech[at + 1]] = True
    return closed


def _to_frames(windows: Floats, samples: int) -> Floats:
    """Probabilities at the centres of 20 ms frames, from those at the centres of 32 ms windows."""
    frames = samples // FRAME_SAMPLES
    if frames == 0:
        return np.zeros(0, np.float32)
    used = windows[: -(-samples // _WINDOW)]
    centres = (np.arange(len(used)) + 0.5) * _WINDOW
    wanted = (np.arange(frames) + 0.5) * FRAME_SAMPLES
    frames_probability: Floats = np.interp(wanted, centres, used).astype(np.float32)
    return frames_probability


@functools.cache
def _silero() -> Any:
    """The onnxruntime session, one thread, loaded at first use."""
    spec = importlib.util.find_spec("silero_vad")  # finds the package without importing torch
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "speech labels need silero-vad: pip install 'ringtrue[train]'", name="silero_vad"
        )
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

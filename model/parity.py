"""Parity checks: an export is refused unless every way of running it gives the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from ringtrue.model.contract import PCM, STATE, ModelInfo
from ringtrue.model.detector import Detector

Samples = NDArray[np.float32]

TOLERANCE = 1e-4
"""Largest allowed difference of voice_llr between any two ways of running the model."""


class ParityError(ValueError):
    """An export that does not compute what was trained."""


@dataclass(frozen=True)
class Parity:
    """Largest differences found over all clips.

    Attributes:
        streamed: voice_llr after every chunk, ONNX chunk by chunk against torch over whole clips.
        batched: the same, ONNX with all clips as one batch against one at a time.
        speech_seconds: ONNX against torch, in seconds.
        clips: number of clips compared.
    """

    streamed: float
    batched: float
    speech_seconds: float
    clips: int


def _stream(
    session: onnxruntime.InferenceSession, pcm: Samples, info: ModelInfo
) -> tuple[Samples, Samples]:
    state = np.zeros((len(pcm), info.state_size), np.float32)
    scores, seconds = [], []
    for start in range(0, pcm.shape[1], info.chunk_samples):
        chunk = np.ascontiguousarray(pcm[:, start : start + info.chunk_samples])
        _, llr, speech_seconds, state = session.run(None, {PCM: chunk, STATE: state})
        scores.append(llr)
        seconds.append(speech_seconds)
    return np.stack(scores, axis=1), np.stack(seconds, axis=1)


def whole_clip_llr(detector: Detector, pcm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Calibrated voice_llr and seconds of speech after every chunk, computed over whole clips."""
    with torch.no_grad():
        output = detector.forward_features(detector.features(pcm))
        return detector.voice_llr(output.score, output.speech_seconds), output.speech_seconds


def check_parity(detector: Detector, path: Path, clips: Sequence[Samples]) -> Parity:
    """Compare torch over whole clips, ONNX streamed, and ONNX streamed in a batch.

    Args:
        detector: what was exported.
        path: the ONNX file.
        clips: real audio, float32 at 8 kHz; clips under one chunk are left out.

    Raises:
        ParityError: a difference of voice_llr above :data:`TOLERANCE`, or non-finite values.
        ValueError: no usable clip.
    """
    detector = detector.eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    info = ModelInfo.from_metadata(session.get_modelmeta().custom_metadata_map)
    usable = [c[: len(c) // info.chunk_samples * info.chunk_samples] for c in clips]
    usable = [c for c in usable if len(c)]
    if not usable:
        raise ValueError("parity: expected at least one clip of 100 ms, got none")
    longest = max(len(c) for c in usable)
    padded = np.stack([np.pad(c, (0, longest - len(c))) for c in usable])
    reference, reference_seconds = (
        t.numpy() for t in whole_clip_llr(detector, torch.from_numpy(padded))
    )
    batch, _ = _stream(session, padded, info)
    single = [_stream(session, row[None], info) for row in padded]
    streamed = np.concatenate([s[0] for s in single])
    seconds = np.concatenate([s[1] for s in single])
    result = Parity(
        streamed=float(np.max(np.abs(streamed - reference))),
        batched=float(np.max(np.abs(batch - streamed))),
        speech_seconds=float(np.max(np.abs(seconds - reference_seconds))),
        clips=len(usable),
    )
    for name in ("streamed", "batched", "speech_seconds"):
        value = getattr(result, name)
        if not value <= TOLERANCE:
            raise ParityError(
                f"{path.name}: {name} differs by {value:.2e}, allowed are {TOLERANCE:.0e} "
                f"(over {result.clips} clips); the file must not be released"
            )
    return result

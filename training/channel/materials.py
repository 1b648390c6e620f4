"""Noises and room impulse responses that the channel mixes in."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from ringtrue.training.channel.base import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from ringtrue.training.manifest import Manifest

_log = logging.getLogger(__name__)


def load_noises(manifest: Manifest, min_seconds: float = 1.0) -> tuple[Samples, ...]:
    """Audio of the manifest's ``nonspeech`` clips of at least ``min_seconds``, at 8 kHz.

    Select split and licence before (``manifest.select``). Unreadable files are logged and skipped.
    """
    noises = []
    for clip in manifest:
        if clip.label == "nonspeech" and clip.seconds >= min_seconds:
            noise = _read(manifest.audio_path(clip))
            if noise is not None:
                noises.append(noise)
    return tuple(noises)


def load_rirs(folder: Path) -> tuple[Samples, ...]:
    """Every FLAC or WAV in ``folder``, in the order of names, at 8 kHz.

    Raises:
        ValueError: ``folder`` is not a folder.
    """
    if not folder.is_dir():
        raise ValueError(f"expected a folder of room impulse responses, got {folder}")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".flac", ".wav"))
    return tuple(rir for rir in map(_read, paths) if rir is not None)


def _read(path: Path) -> Samples | None:
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        _log.warning("skipped %s: %s", path, error)
        return None
    mono = audio.mean(axis=1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    if not len(mono) or not np.isfinite(mono).all() or not np.any(mono):
        _log.warning("skipped %s: empty, silent or not finite", path)
        return None
    return np.ascontiguousarray(mono, dtype=np.float32)

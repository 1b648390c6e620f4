"""Decoded clips and their speech labels, as arrays that are kept on disk between runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.manifest import Manifest
from ringtrue.training.speech_labels import FRAME_SAMPLES, speech_frames_batch

log = logging.getLogger(__name__)


class ClipStore:
    """Random access to decoded clips by index into ``manifest.clips``.

    Args:
        manifest: the clips; all must be mono at 8 kHz.
        folder: where the decoded audio is kept, in a file named after the manifest's digest.

    Raises:
        ValueError: a clip cannot be decoded or has another rate or more channels.
    """

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self.manifest = manifest
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"decoded-{manifest.digest()[:16]}"
        audio_path, ends_path, speech_path = (
            stem.with_suffix(suffix) for suffix in (".audio.npy", ".ends.npy", ".speech.npy")
        )
        if not ends_path.exists():
            self._decode(audio_path, ends_path)
        self._audio: NDArray[np.int16] = np.load(audio_path, mmap_mode="r")
        ends: NDArray[np.int64] = np.load(ends_path)
        self._bounds = np.concatenate([[0], ends])
        frames = np.diff(self._bounds) // FRAME_SAMPLES
        self._frame_bounds = np.concatenate([[0], np.cumsum(frames)])
        if not speech_path.exists():
            self._label(speech_path)
        self._speech: NDArray[np.uint8] = np.load(speech_path, mmap_mode="r")

    def _decode(self, audio_path: Path, ends_path: Path) -> None:
        pieces: list[NDArray[np.int16]] = []
        for clip in track(self.manifest.clips, description="decoding clips"):
            path = self.manifest.audio_path(clip)
            try:
                samples, rate = soundfile.read(path, dtype="int16")
            except (soundfile.LibsndfileError, OSError) as error:
                raise ValueError(f"{path}: cannot be decoded: {error}") from error
            if rate != SAMPLE_RATE or samples.ndim != 1:
                raise ValueError(
                    f"{path}: expected mono at {SAMPLE_RATE} Hz, "
                    f"got shape {samples.shape} at {rate} Hz"
                )
            pieces.append(samples)
        _save(audio_path, np.concatenate(pieces))
        _save(ends_path, np.cumsum([len(p) for p in pieces]))

    def _label(self, path: Path) -> None:
        # Clips of similar length go together: a batch costs as much as its longest clip.
        order = np.argsort(np.diff(self._bounds), kind="stable")
        labels = np.zeros(self._frame_bounds[-1], np.uint8)
        batches = [order[i : i + 32] for i in range(0, len(order), 32)]
        for batch in track(batches, description="labelling speech"):
            found = speech_frames_batch([self.audio(int(i)) for i in batch])
            for i, frames in zip(batch, found, strict=True):
                start = self._frame_bounds[i]
                labels[start : start + len(frames)] = np.rint(frames * 255)
        _save(path, labels)

    def __len__(self) -> int:
        return len(self.manifest.clips)

    def audio(self, index: int) -> NDArray[np.float32]:
        """Clip ``index`` as float32 in -1..1, [samples] at 8 kHz."""
        start, end = self._bounds[index], self._bounds[index + 1]
        return np.asarray(self._audio[start:end], dtype=np.float32) / np.float32(32768)

    def speech(self, index: int) -> NDArray[np.float32]:
        """Speech probability 0..1 of each whole 20 ms frame of clip ``index``."""
        start, end = self._frame_bounds[index], self._frame_bounds[index + 1]
        return np.asarray(self._speech[start:end], dtype=np.float32) / np.float32(255)


def _save(path: Path, array: NDArray[np.generic]) -> None:
    temporary = path.with_suffix(".tmp.npy")
    np.save(temporary, array)
    os.replace(temporary, path)

"""Frames of the cached crops, as the detector's own frontend and mean normalisation show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.cepstra import Cepstra
from ringtrue.model.contract import CHUNK_SAMPLES, SAMPLE_RATE
from ringtrue.model.detector import Detector
from ringtrue.training.cache import CropCache
from ringtrue.training.compose import HUMAN, ROBOT
from ringtrue.training.speech_labels import FRAME_SAMPLES

_BATCH = 25
_CLASSES = {"human": HUMAN, "robot": ROBOT}


@dataclass(frozen=True)
class CropFrames:
    """Frames drawn from one crop.

    Attributes:
        crop: its index in the cache.
        values: [frames, values] cepstra with differences, of loud speech.
    """

    crop: int
    values: NDArray[np.float32]


def crops_of_both(cache: CropCache, most: int, setting: str) -> NDArray[np.intp]:
    """Up to ``most`` crops of people and robots, evenly spread.

    Raises:
        ValueError: a class has none among them; the text names ``setting``.
    """
    spoken = np.flatnonzero(cache.targets >= 0)
    # Pairs alternate, so that every second crop may be of one class.
    spoken = spoken[:: max(1, -(-len(spoken) // most))]
    counts = {n: int((cache.targets[spoken] == label).sum()) for n, label in _CLASSES.items()}
    if not all(counts.values()):
        raise ValueError(
            f"expected crops of people and of robots among the {len(spoken)} of the cache that "
            f"are used ({setting} {most}), got {counts}"
        )
    return spoken


def draw_frames(
    detector: Detector,
    cepstra: Cepstra,
    cache: CropCache,
    crops: NDArray[np.intp],
    most: int,
    rng: np.random.Generator,
    seconds: tuple[float, ...] = (),
) -> Iterator[CropFrames]:
    """Up to ``most`` loud speech frames of each crop, without repeats.

    Args:
        detector: whose features are taken.
        cepstra: what is made of them.
        cache: of the crops.
        crops: their indices.
        most: frames per crop.
        rng: of the draw.
        seconds: lengths of the pieces of crops that frames are drawn from, so that the running mean
            is as young as early in a call; a length is drawn per batch, a place per crop. None:
            whole crops.
    """
    total = cache.audio[0].shape[1]
    starts = range(0, len(crops), _BATCH)
    for start in track(starts, description="frames of the crops"):
        rows = crops[start : start + _BATCH]
        length = total
        if seconds:
            wanted = round(float(rng.choice(seconds)) * SAMPLE_RATE)
            length = min(total, wanted) // CHUNK_SAMPLES * CHUNK_SAMPLES
        places = (total - length) // CHUNK_SAMPLES
        begins = [int(rng.integers(places + 1)) * CHUNK_SAMPLES if places else 0 for _ in rows]
        pcm = np.stack(
            [cache.crop(int(row), at, length) for row, at in zip(rows, begins, strict=True)]
        )
        with torch.no_grad():
            features = detector.features(torch.from_numpy(pcm))
            zeros = torch.zeros(len(rows), detector.mean_norm.state_size)
            normalised, _ = detector.mean_norm(features, zeros)
            values, _ = cepstra(normalised, torch.zeros(len(rows), *cepstra.cache_shape))
        loud = detector.mean_norm.loud(features)[:, 0].numpy() > 0
        for index, (row, at) in enumerate(zip(rows, begins, strict=True)):
            first = at // FRAME_SAMPLES
            labels = cache.speech_of(int(row), first, length // FRAME_SAMPLES) > 0.5
            speech = np.repeat(labels, features.shape[2] // len(labels)) & loud[index]
            usable = np.flatnonzero(speech[: -cepstra.late]) + cepstra.late
            drawn = rng.choice(usable, min(most, len(usable)), replace=False)
            yield CropFrames(int(row), values[index].T.numpy()[drawn])

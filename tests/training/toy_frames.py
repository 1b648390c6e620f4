"""Toy crops, detector and dev set on which frame evidence tells the classes apart."""

from __future__ import annotations

import numpy as np
import torch

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.cache import CropCache
from ringtrue.training.validation import DevSet

TARGETS = np.array([0, 1, 0, 1, 0, 1, -1, -1], np.int8)


def toy_sound(seed: int, robot: bool, seconds: float = 2.0) -> np.ndarray:
    """Noise whose level flutters fast (robot) or slowly."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 8000)) / 8000
    flutter = 1 + 0.9 * np.sin(2 * np.pi * (25 if robot else 4) * time)
    return (0.05 * flutter * rng.standard_normal(len(time))).astype(np.float32)


def toy_crops() -> CropCache:
    """Eight crops of 2 s: three people and three robots in turn, two of noise."""
    audio = np.stack([toy_sound(i, target == 1) for i, target in enumerate(TARGETS)])
    return CropCache(
        audio=(np.rint(audio * 32767).astype(np.int16),),
        speech=(np.full((8, 100), 255, np.uint8),),
        targets=TARGETS,
        sources=("",) * 8,
        systems=("",) * 8,
        pairs=np.empty((0, 2), np.int64),
        clips=((),) * 8,
    )


def toy_detector() -> Detector:
    """Untrained, and takes everything for speech."""
    config = DetectorConfig.from_dict(
        {
            "mean_norm": {"enabled": True},
            "network": {"stem": [4, 4], "embedding": 8, "hidden": 4, "dilations": [1]},
            "pool": {"hidden": 4},
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        built = Detector(config).eval()
    with torch.no_grad():
        built.network.speech.bias.fill_(5.0)  # type: ignore[union-attr]
    return built


def toy_dev() -> DevSet:
    """Four robots and four people."""
    robot = np.array([True, False] * 4)
    sounds = tuple(toy_sound(100 + i, bool(r)) for i, r in enumerate(robot))
    return DevSet("toy@1", sounds, robot, tuple("aabbccdd"))

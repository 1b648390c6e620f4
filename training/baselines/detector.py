"""A trained baseline as a detector, and its file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.baselines.models import RawScorer
from ringtrue.training.calibrate import Calibration


@dataclass(frozen=True)
class BaselineDetector:
    """A calibrated baseline; see :class:`ringtrue.training.scoring.Detector`.

    Attributes:
        label: name in reports.
        scorer: the trained model.
        calibration: fitted on training crops that the model has not seen.
    """

    label: str
    scorer: RawScorer
    calibration: Calibration

    @property
    def name(self) -> str:
        """Name in reports."""
        return self.label

    def scores(self, audio: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Natural-log likelihood ratio robot : human of each signal; 0 where nothing is heard."""
        with _one_thread():
            raw = np.array([self.scorer.score(samples) for samples in audio], np.float64)
        return np.where(raw == 0, 0, self.calibration(raw)).astype(np.float32)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Signals are short: waking threads for each costs more than the work."""
    import torch

    # A dependency of scikit-learn.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def save_baseline(detector: BaselineDetector, path: Path) -> None:
    """Write a baseline with joblib."""
    import joblib

    partial = path.with_suffix(".partial")
    joblib.dump(detector, partial, compress=3)
    os.replace(partial, path)


def load_baseline(path: Path) -> BaselineDetector:
    """Read a baseline.

    The file is a pickle: loading one from a stranger runs the stranger's code.

    Raises:
        ValueError: not a baseline.
        OSError: it cannot be read.
    """
    import joblib

    try:
        detector = joblib.load(path)
    except OSError:
        raise
    # Unpickling foreign bytes can raise anything.
    except Exception as error:
        raise ValueError(f"{path.name}: expected a trained baseline (.joblib): {error}") from error
    if not isinstance(detector, BaselineDetector):
        raise ValueError(f"{path.name}: expected a trained baseline, got {type(detector).__name__}")
    return detector

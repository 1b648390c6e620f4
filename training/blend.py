"""Averages of the weights of two runs, of which one started from the other.

Weights that were trained on from common ones can be averaged in a straight line, and the average
often does better on data unlike either run's than both ends (model soups: Wortsman et al., ICML
2022; interpolation of a fine-tuned model with its start: Wortsman et al., CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ringtrue.model.detector import Detector
from ringtrue.training.validation import DevSet, objective_of, score_audio


@dataclass(frozen=True)
class Blend:
    """One average and its figure.

    Attributes:
        share: of the second detector's weights, 0..1.
        objective: mean of 1 - AUC over the sets of dev.
    """

    share: float
    objective: float


def blend(first: Detector, second: Detector, share: float) -> Detector:
    """A detector with ``1 - share`` of the weights of ``first`` and ``share`` of ``second``.

    What only ``first`` has, such as frame mixtures, is left out.

    Raises:
        ValueError: ``first`` lacks weights of ``second``, or ``share`` is not in 0..1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"expected a share of 0 to 1, got {share}")
    left, right = first.state_dict(), second.state_dict()
    strange = [n for n, value in right.items() if n not in left or left[n].shape != value.shape]
    if strange:
        raise ValueError(
            "expected two checkpoints of one network; the first lacks, or has in another shape: "
            + ", ".join(strange)
        )
    mixed = {
        name: torch.lerp(left[name], value, share) if value.is_floating_point() else value
        for name, value in right.items()
    }
    detector = Detector(second.config)
    detector.load_state_dict(mixed)
    detector.calibrate(1.0, 0.0)  # that of a released model holds for its own score
    return detector.eval()


def try_blends(
    first: Detector, second: Detector, shares: Sequence[float], sets: Sequence[DevSet]
) -> Iterator[Blend]:
    """The objective on dev of every share, in the order given."""
    for share in shares:
        detector = blend(first, second, share)
        scores = [score_audio(detector, dev.audio) for dev in sets]
        yield Blend(share, objective_of(scores, sets))

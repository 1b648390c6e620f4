"""Checkpoints: weights in a file, and weights taken over from another detector."""

from __future__ import annotations

import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import torch

from ringtrue.model.detector import Detector, DetectorConfig

log = logging.getLogger(__name__)


def plain(value: Any) -> Any:
    """Tuples as lists, as a checkpoint or YAML gives them back."""
    return json.loads(json.dumps(value))


def save_weights(detector: Detector, path: Path) -> None:
    """Write what :func:`load_detector` reads, without the state of the optimiser."""
    weights = {f"module.{key}": value for key, value in detector.state_dict().items()}
    config = plain(detector.config.to_dict())
    torch.save({"model_config": config, "averaged": weights}, path)


def start_from(detector: Detector, other: Detector) -> None:
    """Copy weights of ``other`` whose names and shapes fit; the rest stays as initialised.

    Raises:
        ValueError: less than half of the parts fit.
    """
    own = detector.state_dict()
    fitting = {
        name: value
        for name, value in other.state_dict().items()
        if name in own and own[name].shape == value.shape
    }
    learnt = [name for name, _ in detector.named_parameters()]
    fresh = [name for name in learnt if name not in fitting]
    if 2 * len(fresh) > len(learnt):
        raise ValueError(
            f"initial weights: expected most of {len(learnt)} parts to fit this model, "
            f"got {len(learnt) - len(fresh)}"
        )
    detector.load_state_dict(fitting, strict=False)
    if fresh:
        log.info("initial weights: %d parts start afresh: %s", len(fresh), ", ".join(fresh))


def same_network(one: Detector, other: Detector) -> bool:
    """Whether both have the very same network, whatever stands beside it."""
    own, others = one.network.state_dict(), other.network.state_dict()
    return own.keys() == others.keys() and all(
        torch.equal(value, others[name]) for name, value in own.items()
    )


def load_detector(path: Path) -> Detector:
    """The detector with the averaged weights of a checkpoint, in evaluation mode.

    Raises:
        ValueError: the file cannot be read or is not a checkpoint of this project.
    """
    try:
        with path.open("rb") as handle:
            if not zipfile.is_zipfile(handle):
                # torch would say no more than which byte it stumbled over.
                raise ValueError(
                    f"{path}: not a ringtrue checkpoint: expected a file written by torch, "
                    "got another kind or part of one"
                )
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        detector = Detector(DetectorConfig.from_dict(checkpoint["model_config"]))
        weights = {
            key.removeprefix("module."): value
            for key, value in checkpoint["averaged"].items()
            # Checkpoints of 0.1.0 hold the frontend's constants too.
            if key.startswith("module.") and not key.startswith("module.frontend.")
        }
        detector.load_state_dict(weights)
    except (KeyError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path}: not a ringtrue checkpoint: {error}") from error
    return detector.eval()

"""``calibration.json``: what ``ringtrue calibrate`` found and ``ringtrue export`` bakes in."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringtrue.model.contract import OperatingPoint
from ringtrue.training.calibrate import Calibration, CalibrationRow
from ringtrue.training.thresholds import ThresholdStudy

FORMAT = 1


def write_calibration(
    path: Path,
    model: str,
    calibration: Calibration,
    rows: Sequence[CalibrationRow],
    found: ThresholdStudy,
) -> None:
    """Write calibration, operating points, and the figures they rest on."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "model": model,
        "calibration": dataclasses.asdict(calibration),
        "table": [dataclasses.asdict(row) for row in rows],
        "study": dataclasses.asdict(found),
    }
    path.write_text(json.dumps(_plain(content), indent=1) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> tuple[Calibration, tuple[OperatingPoint, ...]]:
    """The calibration and the operating points of a file.

    Raises:
        ValueError: not such a file.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        points = tuple(OperatingPoint(**point) for point in content["study"]["points"])
        return Calibration(**content["calibration"]), points
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.name}: expected a file of `ringtrue calibrate` of format {FORMAT}: {error}"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""What dev says about settings that need no training: the same weights, other parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.metrics import eer
from ringtrue.training.validation import DevSet, objective_of, score_audio


@dataclass(frozen=True)
class Setting:
    """One field of the detector's configuration and the values to try.

    Attributes:
        part: a part of :class:`DetectorConfig`, such as ``pool``.
        name: a field of it, such as ``memory_seconds``.
        values: numbers to try.
    """

    part: str
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """Figures of one value on dev.

    Attributes:
        value: what was tried.
        objective: mean of 1 - AUC over the sets.
        eers: equal error rate 0..1 per set.
    """

    value: float
    objective: float
    eers: dict[str, float]


def parse_setting(text: str) -> Setting:
    """``pool.memory_seconds=5,10,20`` as a :class:`Setting`.

    Raises:
        ValueError: another form, an unknown part or field, or a field that is not a number.
    """
    left, _, right = text.partition("=")
    part, _, name = left.strip().partition(".")
    config = DetectorConfig()
    fields = {f.name for f in dataclasses.fields(getattr(config, part, Setting))}
    if part not in config.to_dict() or name not in fields:
        raise ValueError(f"expected PART.FIELD=VALUE[,VALUE…] of the model's parts, got {text!r}")
    if not isinstance(getattr(getattr(config, part), name), float):
        raise ValueError(f"{part}.{name}: expected a field that holds a real number")
    try:
        values = tuple(float(value) for value in right.split(","))
    except ValueError as error:
        raise ValueError(f"{text}: expected numbers behind '=', got {right!r}") from error
    return Setting(part, name, values)


def sweep(detector: Detector, setting: Setting, sets: Sequence[DevSet]) -> Iterator[Outcome]:
    """Figures for every value of ``setting``; the weights stay those of ``detector``."""
    for value in setting.values:
        part = dataclasses.replace(getattr(detector.config, setting.part), **{setting.name: value})
        changed = Detector(dataclasses.replace(detector.config, **{setting.part: part}))
        changed.load_state_dict(detector.state_dict())
        changed.eval()
        scores = [score_audio(changed, dev.audio) for dev in sets]
        eers = {dev.name: eer(found, dev.robot) for dev, found in zip(sets, scores, strict=True)}
        yield Outcome(value, objective_of(scores, sets), eers)

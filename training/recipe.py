"""Recipes: one YAML file holds everything that defines a released model.

Unknown keys are errors, so that a typing mistake cannot silently train something else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ringtrue.model.detector import DetectorConfig

T = TypeVar("T")


@dataclass(frozen=True)
class DataConfig:
    """Which clips are trained on.

    Attributes:
        commercial_only: keep only sources whose licence allows a released model.
        exclude_sources: sources left out.
    """

    commercial_only: bool = True
    exclude_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class CropConfig:
    """How training crops are composed and how many are cached.

    Attributes:
        seconds: length of a crop.
        count: crops in the cache.
        human_share, robot_share: shares of the crops; the rest is non-speech.
        copy_synthesis_share: part of the robot crops made on the spot from human crops.
        chop_probability: chance that a crop's clips are cut into short pieces with gaps.
        speed_probability: chance of another playing speed (0.92 to 1.08).
        pair_share: chance that, instead of one crop, a pair is composed: a bona fide voice and a
            synthetic one with the same speaker or from the same source, cut and joined alike and
            sent over the same line.
        pair_copies: part of the pairs whose robot is a copy made on the spot.
        source_power: a source (or system) is drawn with probability hours ** power.
        weights: factor on that probability per source or system.
        severity: of the telephone channel, at most.
        mildest: least severity; each crop draws its own between the two.
        webrtc: probability of WebRTC's noise suppression in the channel, times severity.
        seed: of composition and channel.
    """

    seconds: float = 10.0
    count: int = 12000
    human_share: float = 0.46
    robot_share: float = 0.48
    copy_synthesis_share: float = 0.2
    chop_probability: float = 0.35
    speed_probability: float = 0.15
    pair_share: float = 0.0
    pair_copies: float = 0.3
    source_power: float = 0.5
    weights: Mapping[str, float] = field(default_factory=dict)
    severity: float = 1.0
    mildest: float = 1.0
    webrtc: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.human_share + self.robot_share <= 1:
            raise ValueError(
                "crops: expected 0 < human_share + robot_share <= 1, "
                f"got {self.human_share} + {self.robot_share}"
            )
        if not 0 <= self.mildest <= self.severity:
            raise ValueError(
                f"crops: expected 0 <= mildest <= severity, got {self.mildest}, {self.severity}"
            )
        if self.seconds < 1 or self.count < 1:
            raise ValueError(
                f"crops: expected seconds >= 1 and count >= 1, got {self.seconds}, {self.count}"
            )


def _check_weights(section: str, config: TrainConfig | MixtureFitConfig) -> None:
    for name in ("human_weights", "robot_weights"):
        weights = getattr(config, name)
        if not isinstance(weights, Mapping):
            raise ValueError(f"{section}.{name}: expected a mapping, got {weights!r}")
        for source, weight in weights.items():
            if not isinstance(weight, int | float) or not 0 < weight < math.inf:
                raise ValueError(
                    f"{section}.{name}, {source}: expected a number above 0, got {weight!r}"
                )


@dataclass(frozen=True)
class TrainConfig:
    """The optimisation.

    Attributes:
        steps: optimiser steps.
        batch_seconds: seconds of audio per step.
        lengths: crop lengths in seconds drawn per step; the batch size follows.
        pair_share: part of the crops of a batch that are pairs, where the cache has some.
        pair_weight: weight of the loss on the order within a pair.
        human_weights, robot_weights: how often crops of a source are drawn in that class, relative
            to those of sources that are not named; pairs are not weighed.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: of AdamW.
        warmup: part of the steps with rising learning rate.
        label_smoothing: of the robot/human target.
        speech_weight: weight of the speech gate's loss.
        first_readout: seconds of speech from which on the score enters the loss.
        teacher_gate: chance that a crop's evidence is gated by the speech labels rather than by
            the network's own gate.
        mix_styles: chance that a crop takes over part of another's mean and deviation per band.
        warp: largest relative change of the frequency axis per crop.
        equaliser_db: standard deviation of a random smooth equaliser on the log features, dB.
        floor_probability: chance of a raised noise floor in the features.
        room_probability: chance of a room's tail in the features.
        dry_robots: added to both chances for robots, which bring no room and no background.
        time_masks, frequency_masks: SpecAugment masks per crop (Park et al., 2019).
        final_augmentation: strength of the equaliser, room, floor and masks at the last step; it
            falls from 1 in a straight line.
        sharpness_radius: the gradient is taken where the loss within this distance of the weights
            is worst, which takes twice the time; 0: where they are.
        half: convolutions of the network in bfloat16 while training; the weights stay float32.
        ema: decay of the averaged weights that are evaluated and released.
        validate_every: steps between evaluations on dev.
        patience: evaluations without improvement before stopping; 0 never stops early.
        seed: of initialisation and batches.
    """

    steps: int = 4000
    batch_seconds: float = 192.0
    lengths: tuple[float, ...] = (2.0, 4.0, 4.0, 8.0)
    pair_share: float = 0.5
    pair_weight: float = 0.0
    human_weights: Mapping[str, float] = field(default_factory=dict)
    robot_weights: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: float = 0.08
    label_smoothing: float = 0.05
    speech_weight: float = 0.3
    first_readout: float = 0.4
    teacher_gate: float = 0.5
    mix_styles: float = 0.0
    warp: float = 0.0
    equaliser_db: float = 5.0
    floor_probability: float = 0.4
    room_probability: float = 0.0
    dry_robots: float = 0.0
    time_masks: int = 2
    frequency_masks: int = 2
    final_augmentation: float = 0.3
    sharpness_radius: float = 0.0
    half: bool = False
    ema: float = 0.998
    validate_every: int = 400
    patience: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        _check_weights("training", self)
        if not 0 <= self.warp < 1 or self.sharpness_radius < 0:
            raise ValueError(
                "training: expected 0 <= warp < 1 and sharpness_radius >= 0, "
                f"got {self.warp} and {self.sharpness_radius}"
            )


@dataclass(frozen=True)
class MixtureFitConfig:
    """Frame mixtures that are fitted beside a trained network, see ``ringtrue fit-mixture``.

    Attributes:
        components: of each mixture; 0: none are fitted.
        cepstra: coefficients per frame, before differences.
        differences: up to which order differences follow the cepstra, 1 or 2.
        loud_only: frames that are not loud say nothing; they are never fitted to.
        crops: cached crops that frames are drawn from, at most; evenly spread.
        frames_per_crop: speech frames drawn from each of them.
        iterations: of expectation maximisation, at most.
        background: one mixture is fitted to both classes and each class moves its means; off, each
            class has a mixture of its own.
        move_variances: each class moves the variances of the background as well.
        relevance: frames that the background counts for in a component that a class moves.
        human_weights, robot_weights: what frames of a source count for when its class moves the
            means, relative to those of sources that are not named; only with ``background``.
        gains: what dev chooses from: the weight of the mean frame evidence in the score; none: an
            equal opinion, see :func:`ringtrue.training.gains.choose_gain`.
        seed: of the draw and the mixtures' start.
    """

    components: int = 0
    cepstra: int = 20
    differences: int = 2
    loud_only: bool = False
    crops: int = 6000
    frames_per_crop: int = 80
    iterations: int = 40
    background: bool = False
    move_variances: bool = False
    relevance: float = 16.0
    human_weights: Mapping[str, float] = field(default_factory=dict)
    robot_weights: Mapping[str, float] = field(default_factory=dict)
    gains: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    seed: int = 1

    def __post_init__(self) -> None:
        _check_weights("mixture", self)
        if not self.background and (
            self.human_weights or self.robot_weights or self.move_variances
        ):
            raise ValueError(
                "mixture: human_weights, robot_weights and move_variances need background: true; "
                "mixtures of each class are fitted to all its frames alike"
            )
        if not self.relevance > 0:
            raise ValueError(f"mixture.relevance: expected a number above 0, got {self.relevance}")


@dataclass(frozen=True)
class FrameFitConfig:
    """A frame network that is trained beside a trained network, see ``ringtrue fit-frames``.

    Attributes:
        hidden: units of each hidden layer; none: there is no frame network.
        cepstra: coefficients per frame, before differences.
        differences: up to which order differences follow the cepstra, 1 or 2.
        crops: cached crops that frames are drawn from, at most; evenly spread.
        frames_per_crop: loud speech frames drawn from each of them, once.
        seconds: lengths of the pieces of crops that they come from, one per batch of crops.
        steps: of training.
        batch_crops: crops per step, half of each class.
        batch_frames: frames of each crop and step, whose mean is classified.
        learning_rate: the highest; it warms up, then falls along a cosine.
        weight_decay, dropout: regularisation.
        gains: what dev chooses from: the weight of the mean frame evidence in the score; none: an
            equal opinion, see :func:`ringtrue.training.gains.choose_gain`.
        seed: of draws, start and dropout.
    """

    hidden: tuple[int, ...] = ()
    cepstra: int = 20
    differences: int = 2
    crops: int = 24000
    frames_per_crop: int = 60
    seconds: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    steps: int = 1500
    batch_crops: int = 128
    batch_frames: int = 20
    learning_rate: float = 0.002
    weight_decay: float = 1e-4
    dropout: float = 0.2
    gains: tuple[float, ...] = ()
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.crops, self.frames_per_crop, self.steps, self.batch_crops // 2) < 1:
            raise ValueError(
                "frame_net: expected crops, frames_per_crop and steps of 1 or more and batch_crops "
                f"of 2 or more, got {self.crops}, {self.frames_per_crop}, {self.steps} and "
                f"{self.batch_crops}"
            )
        if not 1 <= self.batch_frames <= self.frames_per_crop:
            raise ValueError(
                f"frame_net.batch_frames: expected 1 to frames_per_crop {self.frames_per_crop}, "
                f"got {self.batch_frames}"
            )


@dataclass(frozen=True)
class Recipe:
    """A whole recipe; ``kind`` is ``network`` or one of the baselines.

    ``initial`` names the weights that the released run started from (``train --initial``); empty:
    it started afresh. ``network`` names a checkpoint whose network the released model took over
    without training it, so that only ``fit-mixture`` or ``fit-frames`` ran; empty: the network was
    trained.
    """

    name: str
    kind: str = "network"
    version: str = "0.1.0"
    initial: str = ""
    network: str = ""
    data: DataConfig = field(default_factory=DataConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    model: DetectorConfig = field(default_factory=DetectorConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    mixture: MixtureFitConfig = field(default_factory=MixtureFitConfig)
    frame_net: FrameFitConfig = field(default_factory=FrameFitConfig)
    baseline: Mapping[str, Any] = field(default_factory=dict)

    def crop_digest(self) -> str:
        """Short digest of all that decides the content of the crop cache."""
        content = {"data": dataclasses.asdict(self.data), "crops": dataclasses.asdict(self.crops)}
        # More crops extend a cache; they do not make another one.
        del content["crops"]["count"]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where}: expected a mapping, got {values!r}")
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = set(values) - known
    if unknown:
        raise ValueError(
            f"{where}: unknown {', '.join(sorted(unknown))}; expected {', '.join(sorted(known))}"
        )
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def parse_recipe(values: Mapping[str, Any], name: str = "recipe") -> Recipe:
    """A recipe from plain values; ValueError names what is unknown or malformed.

    ``crops`` may be the name of another recipe, whose data and crops are then used: detectors that
    are compared should have learnt from the same audio.
    """
    parts = dict(values)
    if isinstance(parts.get("crops"), str):
        if "data" in parts:
            raise ValueError(f"{name}: expected no data section beside crops of another recipe")
        other = read_recipe(parts.pop("crops"))
        audio: dict[str, Any] = {"data": other.data, "crops": other.crops}
    else:
        audio = {
            "data": _build(DataConfig, parts.pop("data", {}), f"{name}: data"),
            "crops": _build(CropConfig, parts.pop("crops", {}), f"{name}: crops"),
        }
    sections: dict[str, Any] = {
        **audio,
        "model": DetectorConfig.from_dict(parts.pop("model", {})),
        "training": _build(TrainConfig, parts.pop("training", {}), f"{name}: training"),
        "mixture": _build(MixtureFitConfig, parts.pop("mixture", {}), f"{name}: mixture"),
        "frame_net": _build(FrameFitConfig, parts.pop("frame_net", {}), f"{name}: frame_net"),
    }
    return _build(Recipe, {"name": name, **parts, **sections}, name)


def read_recipe(path: str | Path) -> Recipe:
    """Read a YAML recipe: a path, or the name of one that ships with the package.

    Raises:
        ValueError: there is no such recipe, or it is malformed.
    """
    path = Path(path)
    if not path.exists():
        shipped = Path(__file__).parent / "recipes"
        if (shipped / f"{path}.yaml").exists():
            path = shipped / f"{path}.yaml"
        else:
            names = ", ".join(sorted(p.stem for p in shipped.glob("*.yaml")))
            raise ValueError(f"no recipe {path}; expected a file, or one of: {names}")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, Mapping):
        raise ValueError(f"{path}: expected a mapping at the top, got {type(values).__name__}")
    return parse_recipe(values, path.stem)

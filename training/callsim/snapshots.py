"""Examples for the small evidence models: their features at each moment they change in a call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringtrue.inference.evidence.noise_floor import NoiseFloor
from ringtrue.inference.evidence.turns import Stretches, feature_vector, turn_taking
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.listening import Listened, chunks_of

LEAST_TURNS, LEAST_PAUSES = 3, 3


@dataclass(frozen=True)
class Examples:
    """Snapshots of calls.

    Attributes:
        features: [n, features] float32.
        robot: [n] bool.
        call: [n] id of the call.
        kind: [n] kind of the call.
    """

    features: NDArray[np.float32]
    robot: NDArray[np.bool_]
    call: NDArray[np.str_]
    kind: NDArray[np.str_]

    def weights(self) -> NDArray[np.float64]:
        """[n]; classes, kinds within a class and calls within a kind weigh the same."""
        weight = np.zeros(len(self.robot))
        for robot in (False, True):
            kinds = np.unique(self.kind[self.robot == robot])
            for kind in kinds:
                rows = (self.robot == robot) & (self.kind == kind)
                names, member = np.unique(self.call[rows], return_inverse=True)
                weight[rows] = 1 / (len(kinds) * len(names) * np.bincount(member)[member])
        return weight


def timing_examples(heard: Iterable[tuple[StoredCall, Listened]]) -> Examples:
    """Snapshots of the turn-taking after each stretch of speech, of calls of one caller."""
    rows: list[tuple[NDArray[np.float32], StoredCall]] = []
    for call, listened in heard:
        if call.truth.robot is None or call.truth.prelude == "ivr":
            continue
        far, near = Stretches(), Stretches()
        for index, (a, b) in enumerate(zip(listened.speech, listened.near_speech, strict=True)):
            at = (index + 1) * 0.1
            over = [far.push(float(a), at, 0.1), near.push(float(b), at, 0.1)]
            if any(over):
                turns = turn_taking(tuple(far.found), tuple(near.found))
                if len(turns.gaps) >= LEAST_TURNS:
                    rows.append((feature_vector(turns), call))
    return _examples(rows)


def floor_examples(heard: Iterable[tuple[StoredCall, Listened]], size: int = 800) -> Examples:
    """Snapshots of the noise floor after each pause, of calls of one caller."""
    rows: list[tuple[NDArray[np.float32], StoredCall]] = []
    for call, listened in heard:
        if call.truth.robot is None or call.truth.prelude == "ivr":
            continue
        floor = NoiseFloor()
        for chunk in chunks_of(call.audio(), listened.speech, listened.near_speech, size):
            if floor.push(chunk.far, chunk.speech) and len(floor.pauses) >= LEAST_PAUSES:
                rows.append((floor.feature_vector(), call))
    return _examples(rows)


def _examples(rows: list[tuple[NDArray[np.float32], StoredCall]]) -> Examples:
    if len({call.truth.robot for _, call in rows}) < 2:
        raise ValueError(
            "expected calls of people and of bots with enough turns, got one class; "
            "simulate kinds human, tts and scripted"
        )
    return Examples(
        np.stack([features for features, _ in rows]),
        np.array([bool(call.truth.robot) for _, call in rows]),
        np.array([call.truth.call for _, call in rows]),
        np.array([call.truth.kind for _, call in rows]),
    )

"""What the decision made of one simulated call, against its ground truth."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.fused import verdicts
from ringtrue.training.callsim.listening import Listened
from ringtrue.training.callsim.truth import CallTruth

LEAVE_SECONDS = 10.0
"""A verdict should leave ``robot`` within so much speech of the person who took over."""


REPEATED = "scripted, with a repeat"
"""Row of scripted calls in which a prompt of at least 2 s came again."""


@dataclass(frozen=True)
class Outcome:
    """One call at one operating point with some evidence.

    Attributes:
        call: its id.
        caller: row of the table that it belongs to.
        voice: of the caller; calls of one voice vary together.
        repeats: a prompt of at least 2 s was heard again.
        hours: length.
        flagged: the verdict was ``robot`` at any time (before the person, in handover calls).
        flagged_at: s of the call at the first flag, NaN without one.
        flagged_speech: s of the caller's speech until then, NaN without a flag.
        robot_at_handover: the verdict was ``robot`` when the person began; None in other calls.
        left_after_speech, left_after: s of the person's speech and of the call until the verdict
            left ``robot``; inf if it never did, NaN where it was not ``robot``.
    """

    call: str
    caller: str
    voice: str
    repeats: bool
    hours: float
    flagged: bool
    flagged_at: float
    flagged_speech: float
    robot_at_handover: bool | None = None
    left_after_speech: float = math.nan
    left_after: float = math.nan


def caller_of(truth: CallTruth) -> str:
    """Row of the tables: the kind of caller; people after an IVR apart, a flag is right there."""
    if truth.prelude == "ivr" and truth.kind == "human":
        return "human after an IVR"
    return truth.kind


def by_caller(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by row of the tables, by name; some calls stand in two rows."""
    rows: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        rows[one.caller].append(one)
        if one.caller == "scripted" and one.repeats:
            rows[REPEATED].append(one)
    return dict(sorted(rows.items()))


def outcome(
    call: StoredCall,
    heard: Listened,
    streams: Sequence[str],
    point: OperatingPoint,
    info: ModelInfo,
) -> Outcome:
    """Run the decision over a call."""
    truth = call.truth
    labels = verdicts(heard, streams, point, info)
    begins = truth.person_from if truth.kind == "handover" else None
    until = len(labels) if begins is None else int(begins / info.chunk_seconds)
    flag = next((i for i, label in enumerate(labels[:until]) if label == "robot"), None)
    at = math.nan if flag is None else (flag + 1) * info.chunk_seconds
    robot_then: bool | None = None
    left_speech = left = math.nan
    if begins is not None and until < len(labels):
        robot_then = labels[max(until - 1, 0)] == "robot"
        if robot_then:
            left_speech, left = _left(truth, labels, until, begins, info)
    return Outcome(
        call=truth.call,
        caller=caller_of(truth),
        voice=truth.bot or truth.person,
        repeats=truth.repeats() > 0,
        hours=truth.seconds / 3600,
        flagged=flag is not None,
        flagged_at=at,
        flagged_speech=math.nan if flag is None else truth.far_speech(at),
        robot_at_handover=robot_then,
        left_after_speech=left_speech,
        left_after=left,
    )


def _left(
    truth: CallTruth, labels: Sequence[str], start: int, begins: float, info: ModelInfo
) -> tuple[float, float]:
    """s of the person's speech, and of the call, until the verdict was no longer ``robot``."""
    before = truth.far_speech(begins)
    for index in range(start, len(labels)):
        if labels[index] != "robot":
            at = (index + 1) * info.chunk_seconds
            return truth.far_speech(at) - before, at - begins
    return math.inf, math.inf

"""What is told and remembered of calls: their ids, and the rows of ``GET /v1/calls``."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from ringtrue.inference.decision import Verdict
from ringtrue.inference.service.call import LiveCall
from ringtrue.inference.service.ends import End, MalformedError
from ringtrue.inference.service.events import verdict_values

LONGEST_NAME = 128


@dataclass(frozen=True)
class EndedCall:
    """What is remembered of a call that is over."""

    name: str
    kind: str
    started_at: float
    ended_at: float
    verdict: Verdict
    flagged_at: float | None
    end: End

    @classmethod
    def of(cls, call: LiveCall, ended_at: float) -> EndedCall:
        """What remains of a closed call; ``ended_at`` is Unix time."""
        assert call.ending is not None
        flagged = call.monitor.flagged_at
        return cls(
            call.name, call.kind, call.started_at, ended_at, call.verdict, flagged, call.ending
        )


def call_name(name: object) -> str:
    """A client's id for its call, or a new one for None.

    Raises:
        MalformedError: not 1 to 128 printable characters.
    """
    if name is None:
        return uuid.uuid4().hex
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise MalformedError(f"expected a call id of 1 to {LONGEST_NAME} printable characters")
    return name


def live_values(call: LiveCall) -> dict[str, Any]:
    """The row of a live call."""
    return {
        "call": call.name,
        "framing": call.kind,
        "live": True,
        "started_at": round(call.started_at, 3),
        "operating_point": call.operating_point,
        "flagged_at": call.monitor.flagged_at,
        "waiting_seconds": round(call.waiting_seconds, 3),
        **verdict_values(call.verdict),
    }


def ended_values(call: EndedCall) -> dict[str, Any]:
    """The row of a call that is over."""
    return {
        "call": call.name,
        "framing": call.kind,
        "live": False,
        "started_at": round(call.started_at, 3),
        "ended_at": round(call.ended_at, 3),
        "end": call.end,
        "flagged_at": call.flagged_at,
        **verdict_values(call.verdict),
    }

"""What the service tells about a call, as JSON text.

One text per event is written once and sent to everybody who hears of it.
"""

from __future__ import annotations

import json
from typing import Any

from ringtrue.inference.decision import Verdict


def verdict_values(verdict: Verdict) -> dict[str, Any]:
    """A verdict's figures, rounded to what they are good for."""
    return {
        "at": round(verdict.at, 3),
        "verdict": verdict.verdict,
        "p_robot": round(verdict.p_robot, 6),
        "voice_llr": round(verdict.voice_llr, 4),
        "llr": round(verdict.llr, 4),
        "speech": round(verdict.speech, 3),
        "speech_seconds": round(verdict.speech_seconds, 3),
        "since": round(verdict.since, 3),
        "reasons": list(verdict.reasons),
    }


def event(kind: str, call: str, **values: Any) -> str:
    """The text of one event of a call."""
    return json.dumps({"type": kind, "call": call, **values}, ensure_ascii=False)


def verdict_event(call: str, verdict: Verdict, changed: bool) -> str:
    """A verdict while the call runs."""
    return event("verdict", call, changed=changed, **verdict_values(verdict))


def final_event(
    call: str,
    verdict: Verdict,
    *,
    end: str,
    detail: str,
    flagged_at: float | None,
    heard_speech_seconds: float,
) -> str:
    """The last event of a call: its last verdict, and why and how it ended."""
    return event(
        "final",
        call,
        end=end,
        detail=detail,
        flagged_at=None if flagged_at is None else round(flagged_at, 3),
        heard_speech_seconds=round(heard_speech_seconds, 3),
        **verdict_values(verdict),
    )

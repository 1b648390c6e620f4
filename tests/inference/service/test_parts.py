"""The small parts: outbox, pace, settings, events, the near end."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.decision import Verdict
from ringtrue.inference.service.call import NEAR_CHUNKS, NearEnd
from ringtrue.inference.service.call_list import call_name
from ringtrue.inference.service.events import final_event, verdict_event
from ringtrue.inference.service.outbox import Outbox, OverflowedError
from ringtrue.inference.service.pace import Pace
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.session import Session


def drain(box: Outbox) -> list[str]:
    async def run() -> list[str]:
        box.close()
        out = []
        while (text := await box.next()) is not None:
            out.append(text)
        return out

    return asyncio.run(run())


def test_an_outbox_keeps_order_within_its_limit() -> None:
    box = Outbox(3)
    for text in "abc":
        box.put(text)
    assert (drain(box), box.dropped) == (["a", "b", "c"], 0)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 8))
def test_a_full_outbox_drops_the_oldest_periodic_events_only(kinds: list[bool], limit: int) -> None:
    box = Outbox(limit)
    for number, must_arrive in enumerate(kinds):
        box.put(str(number), must_arrive=must_arrive)
        assert len(box) <= limit
    musts = [str(n) for n, must in enumerate(kinds) if must]
    if len(musts) > limit:
        with pytest.raises(OverflowedError):
            drain(box)
        return
    out = drain(box)
    assert [text for text in out if kinds[int(text)]] == musts
    assert out == sorted(out, key=int)
    assert len(out) + box.dropped == len(kinds)
    if kinds and len(musts) < limit:
        assert out[-1] == str(len(kinds) - 1)


def test_an_outbox_wakes_who_waits() -> None:
    async def run() -> list[str | None]:
        box = Outbox(2)
        waiting = asyncio.create_task(box.next())
        await asyncio.sleep(0)
        box.put("a")
        first = await waiting
        waiting = asyncio.create_task(box.next())
        await asyncio.sleep(0)
        box.close()
        box.put("too late")
        return [first, await waiting]

    assert asyncio.run(run()) == ["a", None]


def test_an_outbox_needs_room() -> None:
    with pytest.raises(ValueError, match="at least one event, got 0"):
        Outbox(0)


def test_a_pace_lets_a_burst_go_and_then_its_rate() -> None:
    pace = Pace(10.0, 0.5)
    waits = [pace.take(100.0) for _ in range(7)]
    assert waits[:5] == [0.0] * 5
    assert waits[5] == pytest.approx(0.1)
    assert waits[6] == pytest.approx(0.2)
    assert pace.wait(100.2) == pytest.approx(0.0)
    assert pace.take(200.0) == 0.0


def test_a_pace_of_zero_has_no_limit() -> None:
    pace = Pace(0.0, 1.0)
    assert [pace.take(1.0, 1000) for _ in range(3)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"max_calls": 0}, "expected max_calls above 0, got 0"),
        ({"idle_seconds": float("nan")}, "expected idle_seconds above 0, got nan"),
        ({"max_speed": -1.0}, "expected max_speed above 0, got -1.0"),
        ({"twilio_far": "both"}, "expected the track inbound or outbound, got 'both'"),
        ({"interval_ms": 50}, "expected an interval of at least 100 ms, got 50"),
    ],
)
def test_settings_refuse_impossible_limits(change: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ServiceSettings(**change)  # type: ignore[arg-type]


def test_events_hold_the_figures() -> None:
    verdict = Verdict("robot", 0.9123456789, 2.34567, 2.5, 0.98765, 3.21, 4.2, 4.0, ("voice: x",))
    assert json.loads(verdict_event("c", verdict, True)) == {
        "type": "verdict",
        "call": "c",
        "changed": True,
        "at": 4.2,
        "verdict": "robot",
        "p_robot": 0.912346,
        "voice_llr": 2.3457,
        "llr": 2.5,
        "speech": 0.988,
        "speech_seconds": 3.21,
        "since": 4.0,
        "reasons": ["voice: x"],
    }
    final = json.loads(
        final_event("c", verdict, end="idle", detail="d", flagged_at=None, heard_speech_seconds=1.0)
    )
    assert (final["type"], final["end"], final["detail"]) == ("final", "idle", "d")
    assert (final["flagged_at"], final["heard_speech_seconds"]) == (None, 1.0)


def test_call_names() -> None:
    assert call_name("a b-ü") == "a b-ü"
    assert len(call_name(None)) == 32
    for bad in ("", "a\n", "x" * 129, 5, "\ud800"):
        with pytest.raises(ValueError, match="1 to 128 printable characters"):
            call_name(bad)


def test_the_near_end_stays_in_step_when_it_comes_late(toy: Session) -> None:
    near = NearEnd(toy, 8000)
    sound = np.arange(1, 2401, dtype=np.float32)
    near.push(sound[:500])
    first = near.chunk()
    assert np.array_equal(first, np.concatenate((sound[:500], np.zeros(300, np.float32))))
    near.push(sound[500:2400])
    assert np.array_equal(near.chunk(), sound[800:1600])
    assert np.array_equal(near.chunk(), sound[1600:2400])
    assert np.array_equal(near.chunk(), np.zeros(800, np.float32))


def test_the_near_end_does_not_grow_without_end(toy: Session) -> None:
    near = NearEnd(toy, 8000)
    for _ in range(NEAR_CHUNKS + 10):
        near.push(np.zeros(800, np.float32))
    assert near._data.size == NEAR_CHUNKS * 800

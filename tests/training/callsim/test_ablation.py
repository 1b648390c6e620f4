"""The decision on simulated calls, and the table of what each kind of evidence adds."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from listened_calls import INFO, POINT, call, far, heard

from ringtrue.training.callsim.ablation import (
    BANKED,
    LEVELS,
    AblationReport,
    ablation_row,
    share,
    write_ablation,
)
from ringtrue.training.callsim.outcome import REPEATED, Outcome, by_caller, outcome
from ringtrue.training.callsim.truth import Said


def test_a_flag_is_timed_in_the_call_and_in_the_callers_speech() -> None:
    one = call("scripted", (far("bot", 0.5, 1.5), far("bot", 2.0, 9.0)), bot="b")
    found = outcome(one, heard([0.0] * 20 + [4.0] * 80), (), POINT, INFO)
    assert found.flagged
    # Three chunks in a row must ask for it.
    assert found.flagged_at == pytest.approx(2.3)
    assert found.flagged_speech == pytest.approx(1.3)
    assert (found.voice, found.caller) == ("b", "scripted")
    assert found.robot_at_handover is None


def test_handover_counts_until_the_verdict_leaves_robot() -> None:
    said = (far("bot", 0.0, 3.0), far("person", 4.0, 5.0), far("person", 6.0, 10.0))
    one = call("handover", said, handover_at=3.5)
    found = outcome(one, heard([4.0] * 60 + [-3.0] * 40), (), POINT, INFO)
    assert found.robot_at_handover
    assert found.left_after == pytest.approx(2.3)
    assert found.left_after_speech == pytest.approx(1.3)
    never = outcome(one, heard([4.0] * 100), (), POINT, INFO)
    assert never.left_after == math.inf
    # A flag that is raised while the person speaks is none of the bot's.
    late = outcome(one, heard([0.0] * 60 + [9.0] * 40), (), POINT, INFO)
    assert not late.flagged
    assert late.robot_at_handover is False
    assert math.isnan(late.left_after)


def test_people_after_an_ivr_have_a_row_of_their_own() -> None:
    rows = by_caller(
        [
            outcome(call("human", prelude="ivr"), heard([9.0] * 100), (), POINT, INFO),
            outcome(call("human", prelude="ring"), heard([0.0] * 100), (), POINT, INFO),
            outcome(call("scripted", (
                Said("far", "bot", "turn", 1, 4, (), "a", None),
                Said("far", "bot", "turn", 5, 8, (), "a", 1.0),
            )), heard([0.0] * 100), (), POINT, INFO),
        ]
    )  # fmt: skip
    assert {k: len(v) for k, v in rows.items()} == {
        "human": 1, "human after an IVR": 1, "scripted": 1, REPEATED: 1,
    }  # fmt: skip


def outcomes(flags: list[bool]) -> list[Outcome]:
    return [
        Outcome(str(i), "human", f"v{i % 5}", False, 0.1, f, 7.0 if f else math.nan, 3.0)
        for i, f in enumerate(flags)
    ]


def test_rows_and_report(tmp_path: Path) -> None:
    row = ablation_row("voice", "cautious", "human", outcomes([True] + [False] * 19), 1)
    assert (row.calls, row.voices, row.count) == (20, 5, 1)
    assert row.flagged.value == pytest.approx(0.05)
    assert row.flagged.low == 0.0
    assert 0.1 < row.flagged.high <= 0.25
    assert row.per_hour == pytest.approx(0.5)
    assert row.at_median == 7.0
    none = ablation_row("+ replay", "cautious", "human", outcomes([False] * 20), 1)
    assert math.isnan(none.at_median)
    report = AblationReport(
        "m 0", ("eval",), {"timing": "0.1.0"},
        {"cautious, voice": (3.0, 1.5, -1.0), "cautious, all: voice alone": (3.5, 2.0)},
        "ringtrue evaluate-calls eval", (row, none), {"timing": "timing: answers"},
    )  # fmt: skip
    write_ablation(report, tmp_path)
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["rows"][1]["at_median"] is None
    text = (tmp_path / "report.md").read_text()
    assert "| human | 20 (5) | 5.0 % [" in text
    assert "50.0 false flags per 1,000 calls" in text
    assert "| cautious, voice | 3.00 | 1.50 | -1.00 |" in text
    assert "| cautious, all: voice alone | 3.50 | 2.00 |  |" in text
    assert (next(iter(LEVELS)), list(LEVELS)[-1]) == ("voice", BANKED)


def test_shares_vary_with_whole_voices() -> None:
    rng = np.random.default_rng(0)
    one_voice_always = share(
        [True] * 10 + [False] * 90, ["a"] * 10 + list(map(str, range(90))), rng
    )
    spread = share([i % 10 == 0 for i in range(100)], list(map(str, range(100))), rng)
    assert one_voice_always.value == spread.value == pytest.approx(0.1)
    assert one_voice_always.high > spread.high

"""Turn-taking of two parties."""

from itertools import pairwise

import numpy as np
import pytest

from ringtrue.training.callsim.dialogue import Conversation
from ringtrue.training.callsim.manner import Manner
from ringtrue.training.callsim.parties import Bot, Line, Script, cut_line


def line(seconds: float, prompt: str = "") -> Line:
    return Line(np.ones(int(seconds * 8000), np.float32), seconds, ("c",), 0.0, prompt=prompt)


class Talker:
    role = "person"

    def __init__(self, manner: Manner, seconds: float = 2.0, turns: int = 10**6) -> None:
        self.manner, self.seconds, self.left = manner, seconds, turns

    def turn(self, rng: np.random.Generator) -> Line | None:
        self.left -= 1
        return line(self.seconds) if self.left >= 0 else None

    def short(self, rng: np.random.Generator) -> Line | None:
        return line(0.5)


PERSON = Manner(person=True, stops=1.0, stop_after=(0.4, 0.4), backchannels=0.2)
ROBOT = Manner(person=False, gap=1.0, jitter=0.0, stops=0.0, holds=0.0)


@pytest.mark.parametrize("seed", range(5))
def test_events_are_in_order_and_within_the_call(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = Conversation(rng, Talker(PERSON), Talker(PERSON), 0.2).run(3.0, 60.0, "near")
    starts = [s.start for s in said]
    assert starts == sorted(starts)
    assert said[0].party == "near"
    assert said[0].line.seconds == 0.5
    assert 3.0 < starts[0] < 4.3
    assert starts[-1] < 60.0
    assert {s.party for s in said} == {"far", "near"}
    assert any(s.kind == "backchannel" for s in said)


def test_a_machine_answers_after_its_gap_and_the_lines_delay() -> None:
    rng = np.random.default_rng(1)
    calm = Manner(person=False, gap=0.3, jitter=0.0, holds=0.0)
    said = Conversation(rng, Talker(ROBOT), Talker(calm), 0.25).run(0.0, 100.0, "near")
    gaps = [b.start - a.end for a, b in pairwise(said) if b.party == "far"]
    np.testing.assert_allclose(gaps, 1.25, atol=1e-9)
    assert len(gaps) > 10


def test_interrupted_people_stop_and_interrupted_machines_talk_on() -> None:
    for manner, stops in ((PERSON, True), (ROBOT, False)):
        cut = whole = 0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            far = Talker(manner, seconds=6.0)
            said = Conversation(rng, far, Talker(PERSON), 0.1).run(0.0, 120.0, "near")
            for event in (s for s in said if s.kind == "interruption" and s.party == "near"):
                (turn,) = [
                    s for s in said
                    if s.party == "far" and s.kind == "turn" and s.start < event.start
                    and s.start + 6.0 > event.start and s.end > event.start - 1e-9
                ]  # fmt: skip
                if turn.broken_off:
                    assert turn.end == pytest.approx(event.start + 0.4 + 0.1)
                    cut += 1
                else:
                    whole += 1
        assert (cut > 0) == stops
        assert (whole > 0) != stops or whole < cut


def test_the_call_ends_when_nothing_is_left_to_say() -> None:
    rng = np.random.default_rng(2)
    said = Conversation(rng, Talker(PERSON, turns=3), Talker(PERSON), 0.0).run(0.0, 600.0, "near")
    assert sum(s.party == "far" and s.kind != "backchannel" for s in said) == 3
    assert said[-1].end < 60


def test_a_bot_works_through_its_script_and_falls_back() -> None:
    script = Script("b", "v", "s", "", tuple(line(2, f"b/{i}") for i in range(8)), 0.5)
    rng = np.random.default_rng(3)
    bot = Bot(ROBOT, script)
    told = [bot.turn(rng).prompt for _ in range(200)]
    assert told[0] == "b/0"
    fallbacks = {"b/5", "b/6", "b/7"}
    assert [p for p in told if p not in fallbacks][:7] == ["b/0", "b/1", "b/2", "b/3", "b/4",
                                                           "b/0", "b/1"]  # fmt: skip
    assert 0.35 < np.mean([p in fallbacks for p in told]) < 0.65
    assert bot.short(rng) is None


def test_cut_lines_keep_their_lead() -> None:
    whole = Line(np.ones(16000, np.float32), 1.5, ("c",), 0.0, lead=4000)
    cut = cut_line(whole, 0.5)
    assert len(cut.samples) == 8000
    assert (cut.seconds, cut.lead) == (0.5, 4000)
    assert cut.samples[-1] == 0.0
    assert cut_line(whole, 2.0) is whole

"""Whole calls and sets of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from call_corpus import call_corpus

from ringtrue.training.callsim.calls_on_disk import (
    SetSpec,
    kinds_of,
    read_set,
    write_set,
)
from ringtrue.training.callsim.cast import cast_of
from ringtrue.training.callsim.simulate import KINDS, SimulatedCall, Studio, simulate
from ringtrue.training.callsim.sounds import load_materials
from ringtrue.training.callsim.truth import read_truth, write_truth

SECONDS = 40.0


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    manifest = call_corpus(tmp_path_factory.mktemp("corpus"))
    return Studio(manifest, "dev", cast_of(manifest, "dev"), load_materials(manifest, "dev"))


@pytest.fixture(scope="module")
def calls(studio: Studio) -> dict[str, SimulatedCall]:
    return {kind: simulate(studio, kind, i, 3, SECONDS) for i, kind in enumerate(KINDS)}


def test_the_same_arguments_give_the_same_call(
    studio: Studio, calls: dict[str, SimulatedCall]
) -> None:
    again = simulate(studio, "scripted", KINDS.index("scripted"), 3, SECONDS)
    np.testing.assert_array_equal(again.samples, calls["scripted"].samples)
    assert again.truth == calls["scripted"].truth
    other = simulate(studio, "scripted", KINDS.index("scripted"), 4, SECONDS)
    assert other.truth != again.truth


def test_calls_are_stereo_with_sound_where_the_truth_says(
    calls: dict[str, SimulatedCall],
) -> None:
    for kind, call in calls.items():
        samples, truth = call.samples, call.truth
        assert samples.dtype == np.int16
        assert samples.shape == (round(truth.seconds * 8000), 2)
        assert truth.kind == kind
        assert truth.seconds < SECONDS + 30
        for party, side in (("far", 0), ("near", 1)):
            spoken = np.zeros(len(samples), bool)
            for said in truth.said:
                if said.party == party:
                    spoken[int(8000 * said.start) : int(8000 * said.end)] = True
            quiet = ~spoken
            for sound in truth.sounds if party == "far" else ():
                quiet[int(8000 * sound.start) : int(8000 * sound.end) + 800] = False
            power = np.square(samples[:, side].astype(float))
            assert power[spoken].mean() > 2 * power[quiet].mean(), (kind, party)


def test_truth_of_each_kind(calls: dict[str, SimulatedCall]) -> None:
    truths = {kind: call.truth for kind, call in calls.items()}
    assert [truths[k].robot for k in KINDS] == [False, True, True, None, None]
    human = truths["human"]
    assert human.person
    assert not human.bot
    assert all(not s.prompt and s.repeat_of is None for s in human.said if s.role == "person")
    assert truths["scripted"].bot.startswith(("prompts:", "people:"))
    assert truths["scripted"].bot_system == ""
    assert truths["tts"].bot_system.startswith("buzz")
    over = truths["handover"]
    assert over.handover_at is not None
    assert over.person_from is not None
    assert over.person_from >= over.handover_at
    far = [s for s in over.said if s.party == "far" and s.role in ("bot", "person")]
    roles = [s.role for s in far]
    assert roles == sorted(roles)  # All of the bot, then all of the person.
    assert any(s.name == "beep" for s in truths["voicemail"].sounds)
    for truth in truths.values():
        assert truth.near != truth.person
        assert 0.05 <= truth.delay <= 0.4
        assert truth.lines["far"]


def test_repeats_are_told_and_campaigns_share_prompts(studio: Studio) -> None:
    kinds = ("scripted",)
    truths = [simulate(studio, "scripted", i, 5, 60.0, kinds).truth for i in (0, 1, 5)]
    prompts = [{s.prompt for s in t.said if s.prompt} for t in truths]
    assert truths[0].campaign == truths[1].campaign != truths[2].campaign
    assert prompts[0] & prompts[1]
    assert not prompts[0] & prompts[2]
    for truth in truths:
        seen: dict[str, float] = {}
        for said in truth.said:
            if said.prompt:
                assert said.repeat_of == seen.get(said.prompt)
                seen.setdefault(said.prompt, said.start)


def test_the_truth_survives_the_disk(tmp_path: Path, calls: dict[str, SimulatedCall]) -> None:
    path = tmp_path / "t.json"
    for call in calls.values():
        write_truth(call.truth, path)
        assert read_truth(path) == call.truth
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="not the truth of a simulated call"):
        read_truth(path)


def test_unknown_kind(studio: Studio) -> None:
    with pytest.raises(ValueError, match="expected a kind of human, tts"):
        simulate(studio, "parrot", 0, 1, 30.0)


def test_a_set_is_resumed_and_never_mixed(tmp_path: Path, studio: Studio) -> None:
    manifest = studio.manifest.root / "manifest.jsonl"
    spec = SetSpec("dev", 20.0, ("human", "tts"), 1, studio.manifest.digest())
    calls = write_set(manifest, spec, tmp_path, 2)
    first = calls[0].path.stat().st_mtime_ns
    assert [c.truth.kind for c in calls] == ["human", "tts"]
    calls[1].path.with_suffix(".json").unlink()
    calls = write_set(manifest, spec, tmp_path, 3)
    assert calls[0].path.stat().st_mtime_ns == first
    assert [c.truth for c in read_set(tmp_path)] == [c.truth for c in calls]
    rows = [json.loads(r) for r in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [r["kind"] for r in rows] == ["human", "tts", "human"]
    samples, rate = soundfile.read(tmp_path / rows[1]["path"])
    assert rate == 8000
    assert samples.shape == calls[1].audio().shape
    other = SetSpec("dev", 20.0, ("human", "tts"), 2, studio.manifest.digest())
    with pytest.raises(ValueError, match="holds a set with another seed"):
        write_set(manifest, other, tmp_path, 1)
    assert not list(tmp_path.rglob("*.part"))


def test_bad_sets_and_specs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="simulate-calls"):
        read_set(tmp_path)
    for fields, words in (
        ({"split": "all"}, "expected a split"),
        ({"kinds": ("robot",)}, "expected kinds"),
        ({"seconds": 5.0}, "20 to 3600 seconds"),
    ):
        values = {"split": "dev", "seconds": 60.0, "kinds": ("human",), "seed": 1, **fields}
        with pytest.raises(ValueError, match=words):
            SetSpec(manifest_digest="", **values)  # type: ignore[arg-type]
    assert kinds_of(["human,tts", "human"]) == ("human", "tts", "human")
    assert kinds_of([]) == KINDS

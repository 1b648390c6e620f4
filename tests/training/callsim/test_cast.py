"""Who may speak in which role."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from call_corpus import CLIPS, SECONDS, call_corpus

from ringtrue.training.callsim.cast import cast_of, draw_voice
from ringtrue.training.manifest import Manifest, read_manifest


def test_nobody_speaks_both_live_and_prompts(tmp_path: Path) -> None:
    cast = cast_of(call_corpus(tmp_path), "dev")
    live, prompts = {v.name for v in cast.live}, {v.name for v in cast.prompts}
    assert not live & prompts
    # Eight people, of whom 30 % speak prompts, and the two professional voices.
    assert len(live) == 6
    assert {"prompts:0", "prompts:1"} < prompts
    assert len(prompts) == 4
    assert len(cast.synthetic) == 2
    assert all(v.seconds == CLIPS * SECONDS for v in cast.live)


def test_recordings_of_two_parties_and_unknown_speakers_are_left_out(tmp_path: Path) -> None:
    manifest = call_corpus(tmp_path)
    bad = {
        "people:0": {"speaker": "people:"},
        "people:1": {"speaker": "people:a+b"},
        "people:2": {"extra": {"channel_layout": "mono mix of both"}},
    }
    clips = tuple(replace(c, **bad.get(c.speaker, {})) for c in manifest)
    cast = cast_of(Manifest(clips, manifest.root), "dev")
    names = {v.name for v in (*cast.live, *cast.prompts)}
    assert not names & {"people:", "people:a+b", "people:2"}


def test_a_split_without_enough_voices_is_refused(tmp_path: Path) -> None:
    manifest = call_corpus(tmp_path)
    with pytest.raises(ValueError, match=r"at least 2 live people .* in split eval, got 0"):
        cast_of(manifest, "eval")
    humans = Manifest(tuple(c for c in manifest if c.label == "human"), manifest.root)
    with pytest.raises(ValueError, match="synthetic voices"):
        cast_of(humans, "dev")


def test_draws_respect_wealth_and_exclusion(tmp_path: Path) -> None:
    cast = cast_of(call_corpus(tmp_path), "dev")
    first = cast.live[0].name
    rng = np.random.default_rng(0)
    drawn = {draw_voice(cast.live, rng, 10.0, other_than=first).name for _ in range(100)}
    assert drawn == {v.name for v in cast.live} - {first}
    # Nobody is rich enough: the richest speaks.
    assert draw_voice(cast.live, rng, 1e6).seconds == max(v.seconds for v in cast.live)
    with pytest.raises(ValueError, match="at least two voices"):
        draw_voice(cast.live[:1], rng, other_than=first)


def test_splits_of_the_corpus_share_no_voice(corpus: Path) -> None:
    manifest = read_manifest(corpus / "manifest.jsonl")
    casts = [cast_of(manifest, split) for split in ("train", "dev", "eval")]
    for kind in ("live", "prompts", "synthetic"):
        names = [{v.name for v in getattr(cast, kind)} for cast in casts]
        assert not names[0] & names[1]
        assert not names[1] & names[2]
        assert not names[0] & names[2]
    systems = [{v.system for v in cast.synthetic} for cast in casts]
    assert min(map(len, systems)) > 3

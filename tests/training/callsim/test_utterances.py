"""Utterances: cut at pauses, every stretch once."""

import numpy as np
import pytest
from call_corpus import SECONDS, call_corpus

from ringtrue.training.callsim.cast import cast_of
from ringtrue.training.callsim.endless import endless
from ringtrue.training.callsim.utterances import Supply, make_prompts, phrases, turn_seconds
from ringtrue.training.heard import read_clip
from ringtrue.training.manifest import Manifest


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return call_corpus(tmp_path_factory.mktemp("corpus"))


def test_phrases_end_at_pauses() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(24000).astype(np.float32) * 0.1
    samples[8000:12000] *= 1e-3
    assert phrases(samples) == [(0, 8480), (11520, 24000)]
    # A pause of 0.2 s is part of a phrase; silence has none.
    samples = rng.standard_normal(24000).astype(np.float32) * 0.1
    samples[8000:9600] *= 1e-3
    assert phrases(samples) == [(0, 24000)]
    assert phrases(np.zeros(8000, np.float32)) == []


def test_nothing_is_said_twice(manifest: Manifest) -> None:
    voice = cast_of(manifest, "dev").live[0]
    supply = Supply(manifest, voice, np.random.default_rng(1))
    seconds, clips = 0.0, []
    while (utterance := supply.take(1.5)) is not None:
        # Joins of two clips add pauses of at most 0.4 s.
        seconds += utterance.seconds - 0.4 * (len(utterance.clips) - 1)
        clips += utterance.clips
    there = sum(
        (end - start) / 8000 for c in voice.clips for start, end in phrases(read_clip(manifest, c))
    )
    assert 0.7 * there < seconds <= there
    # A clip is worked through before the next begins, and never comes back.
    runs = [clip for i, clip in enumerate(clips) if i == 0 or clip != clips[i - 1]]
    assert sorted(runs) == sorted(c.id for c in voice.clips)


def test_lengths_are_near_what_was_asked(manifest: Manifest) -> None:
    voice = cast_of(manifest, "dev").live[1]
    supply = Supply(manifest, voice, np.random.default_rng(2), again=True)
    for wanted in (0.5, 1.0, 2.5, 6.0) * 4:
        utterance = supply.take(wanted)
        assert utterance is not None
        assert 0.5 * wanted < utterance.seconds < 1.7 * wanted + 0.5
        assert set(utterance.clips) <= {c.id for c in voice.clips}
        assert abs(utterance.samples[0]) < 1e-4


def test_prompts_end_with_the_clips(manifest: Manifest) -> None:
    voice = cast_of(manifest, "dev").prompts[0]
    rng = np.random.default_rng(3)
    prompts = make_prompts(Supply(manifest, voice, rng), 100, rng)
    assert 4 < len(prompts) < 100
    assert sum(p.seconds for p in prompts) < 1.3 * voice.seconds
    assert voice.seconds == len(voice.clips) * SECONDS


def test_turns_have_a_median_of_some_seconds() -> None:
    rng = np.random.default_rng(4)
    turns = [turn_seconds(rng) for _ in range(3000)]
    assert 2.0 < np.median(turns) < 2.8
    assert min(turns) >= 0.4
    assert max(turns) <= 8.0


@pytest.mark.parametrize("seconds", [0.1, 2.0, 5.0])
def test_endless_noise_has_the_power_of_its_source_and_no_period(seconds: float) -> None:
    rng = np.random.default_rng(5)
    source = rng.standard_normal(int(seconds * 8000)).astype(np.float32)
    noise = endless(source, 80000, rng)
    assert noise.shape == (80000,)
    assert noise.dtype == np.float32
    assert abs(np.mean(noise**2) - 1) < 0.2
    if seconds > 1:
        lag = len(source)
        assert abs(np.mean(noise[lag:] * noise[:-lag])) < 0.1
    assert len(endless(source, 0, rng)) == 0

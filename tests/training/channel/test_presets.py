from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from ringtrue.training.channel.base import Chain, Samples
from ringtrue.training.channel.presets import (
    CLEAN_SHARE,
    CODECS,
    codec_only,
    phone_line,
    training_channel,
)

NOISES = (np.random.default_rng(0).standard_normal(9000).astype(np.float32),)
RIRS = (np.eye(1, 200, 5, dtype=np.float32)[0],)
SPEECH_CODECS = {"G711", "AmrNb", "Gsm", "G726", "G722", "OpusNb", "G7231"}
CHAINS = {
    "training": training_channel(NOISES, RIRS),
    "harsh": training_channel(NOISES, RIRS, severity=3.0),
    "bare": training_channel([], []),
    "line": phone_line(NOISES, RIRS),
    "bare line": phone_line([], []),
}


@pytest.mark.parametrize("name", CHAINS)
def test_runs_are_finite_seeded_and_serialisable(name: str, voice: Samples) -> None:
    chain = CHAINS[name]
    for seed in range(12):
        after, applied = chain.traced(voice, np.random.default_rng(seed))
        assert after.dtype == np.float32
        assert after.shape == voice.shape
        assert np.isfinite(after).all()
        assert SPEECH_CODECS & {step.name for step in applied}
        json.dumps([step.params for step in applied])
        np.testing.assert_array_equal(after, chain(voice, np.random.default_rng(seed)))


@pytest.mark.parametrize("length", [1, 80, 801])
def test_odd_inputs(length: int) -> None:
    square = np.sign(np.random.default_rng(1).standard_normal(length)).astype(np.float32)
    for samples in (np.zeros(length, np.float32), square, square * np.float32(1e-6)):
        for seed in range(8):
            for chain in (CHAINS["harsh"], CHAINS["line"]):
                after = chain(samples, np.random.default_rng(seed))
                assert after.shape == samples.shape
                assert np.isfinite(after).all()


def draws(chain: Chain, count: int) -> list[list[str]]:
    rng = np.random.default_rng(2)
    samples = np.zeros(800, np.float32)
    return [[s.name for s in chain.flatten(chain.randomize(samples, rng))] for _ in range(count)]


def test_training_shares() -> None:
    drawn = draws(CHAINS["training"], 3000)
    clean = sum(names == ["Gain", "G711"] for names in drawn) / 3000
    assert clean == pytest.approx(CLEAN_SHARE, abs=0.03)
    counts = Counter(name for names in drawn for name in set(names))
    assert set(counts) >= SPEECH_CODECS | {"Room", "Noise", "MediaHistory", "PacketLoss", "Speed"}
    assert counts["Noise"] / 3000 == pytest.approx(0.6 * 0.88, abs=0.04)
    assert sum(len(SPEECH_CODECS & set(names)) == 2 for names in drawn) > 200


def test_severity_zero_leaves_level_and_codec() -> None:
    for names in draws(training_channel(NOISES, RIRS, severity=0.0), 100):
        assert len(names) == 2
        assert names[0] == "Gain"
        assert names[1] in SPEECH_CODECS
    with pytest.raises(ValueError, match="severity"):
        training_channel(NOISES, RIRS, severity=-1.0)


def test_speed_can_be_switched_off() -> None:
    assert not any("Speed" in names for names in draws(training_channel([], [], speed=0.0), 300))


def test_the_line_uses_every_speech_codec_and_no_file_history() -> None:
    names = {name for names in draws(CHAINS["line"], 500) for name in names}
    assert names >= SPEECH_CODECS
    assert not names & {"MediaHistory", "Speed", "ComfortNoise"}


def test_draw_does_not_depend_on_content(voice: Samples) -> None:
    for chain in CHAINS.values():
        for seed in range(20):
            spoken = chain.randomize(voice, np.random.default_rng(seed))
            silent = chain.randomize(np.zeros_like(voice), np.random.default_rng(seed))
            assert spoken == silent


def test_single_codecs_are_reported_by_name(voice: Samples) -> None:
    names = {codec_only(n).traced(voice, np.random.default_rng(0))[1][0].name for n in CODECS}
    assert names == SPEECH_CODECS | {"MediaHistory"}

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.replay.fingerprint import Fingerprint, Fingerprinter, fingerprint, join
from ringtrue.inference.replay.frames import (
    BINS,
    BLOCK_FRAMES,
    FIRST_BIN,
    HOP,
    WINDOW,
    FrameStream,
    windows,
)
from ringtrue.inference.replay.landmarks import CODES, LandmarkStream
from ringtrue.inference.replay.peaks import DEPTH_DB, PER_BLOCK, PeakStream
from ringtrue.inference.replay.shape import DIMENSIONS, ShapeStream

from .voices import Samples, noise, silence, voice

VOICE = voice(1, 2.0)
WHOLE = fingerprint(VOICE)


def test_a_tone_is_in_its_bin() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    power = FrameStream().push(tone)
    assert power.shape == (72, BINS)
    assert (power.argmax(axis=1) == 64 - FIRST_BIN).all()  # 1000 Hz / 15.625 Hz


def test_frames_come_in_blocks() -> None:
    stream = FrameStream()
    assert stream.push(silence(0.15)).shape == (0, BINS)  # a block needs 1,212 samples
    assert len(stream.push(np.zeros(12, np.float32))) == BLOCK_FRAMES
    assert len(stream.push(np.zeros(799, np.float32))) == 0
    assert len(stream.push(np.zeros(1, np.float32))) == BLOCK_FRAMES


def test_one_channel_of_two_is_heard_as_it_is() -> None:
    clip = voice(3, 1.0)
    channel = np.stack([clip, -clip[::-1]], axis=1)[:, 0]
    assert not channel.flags.c_contiguous
    assert np.array_equal(FrameStream().push(channel), FrameStream().push(clip))
    assert np.array_equal(windows(channel, HOP)[3], clip[3 * HOP : 3 * HOP + WINDOW])
    assert windows(clip, HOP).shape == ((len(clip) - WINDOW) // HOP + 1, WINDOW)


def test_peaks_are_highest_of_their_surroundings_and_few() -> None:
    power = np.full((4 * BLOCK_FRAMES, BINS), 1e-3, np.float32)
    power[10, 50] = power[11, 52] = 1.0
    power[10, 50] *= 2
    power[20, 120] = 2.0 / 10 ** (DEPTH_DB / 10) * 1.05
    power[21, 20] = 2.0 / 10 ** (DEPTH_DB / 10) * 0.95
    frames, bins = PeakStream().push(power)
    found = set(zip(frames, bins, strict=True))
    assert (10, 50) in found
    assert (20, 120) in found
    assert (11, 52) not in found  # beside a higher one
    assert (21, 20) not in found  # too far below the loudest
    rng = np.random.default_rng(0)
    frames, _ = PeakStream().push(rng.random((80, BINS)).astype(np.float32))
    assert frames == sorted(frames)
    assert np.bincount(np.array(frames) // BLOCK_FRAMES).max() == PER_BLOCK


def test_pairs_are_packed() -> None:
    stream = LandmarkStream()
    assert stream.push([0, 1, 10], [40, 41, 50], 11) == ([], [])  # partners may still come
    frames, codes = stream.push([60], [90], 200)
    # (0, 1) is too close in time, (0, 60) too far.
    assert frames == [0, 1, 10]
    assert codes == [20 << 12 | 25 << 5 | 5, 20 << 12 | 25 << 5 | 4, 25 << 12 | 45 << 5 | 25]


def test_pairs_are_not_too_far_apart_in_frequency() -> None:
    assert LandmarkStream().push([0, 5], [10, 75], 100) == ([], [])


def test_shape_ignores_level_and_steady_spectrum() -> None:
    power = FrameStream().push(voice(3, 2.0))
    tilt = np.linspace(0.5, 2.0, BINS, dtype=np.float32)
    plain = ShapeStream().push(power)
    loud = ShapeStream().push(power * np.float32(1000))
    assert plain.dtype == np.int8
    assert plain.shape == (len(power) - 5 * BLOCK_FRAMES, DIMENSIONS)
    assert np.abs(plain.astype(int) - loud).max() <= 1
    tilted = ShapeStream().push(power * tilt)
    both = plain.astype(float).ravel(), tilted.astype(float).ravel()
    assert np.corrcoef(*both)[0, 1] > 0.97


@pytest.mark.parametrize("samples", [silence(3), np.full(24000, 0.3, np.float32)])
def test_nothing_in_silence_and_direct_current(samples: Samples) -> None:
    heard = fingerprint(samples)
    assert len(heard.shape) == 240
    assert np.abs(heard.shape[20:-20].astype(int)).max() <= 1
    assert (heard.frames < 8).all()  # at most the click of the start


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2500), min_size=1, max_size=30))
def test_any_cutting_gives_the_same(sizes: list[int]) -> None:
    maker = Fingerprinter()
    pieces, at = [], 0
    while at < len(VOICE):
        for size in [*sizes, 500]:
            pieces.append(maker.push(VOICE[at : at + size]))
            at += size
    pieces.append(maker.finish())
    heard = join(pieces, -(-len(VOICE) // HOP))
    np.testing.assert_array_equal(heard.codes, WHOLE.codes)
    np.testing.assert_array_equal(heard.frames, WHOLE.frames)
    np.testing.assert_array_equal(heard.shape, WHOLE.shape)


@settings(max_examples=10, deadline=None)
@given(st.floats(-40, 12))
def test_gain_changes_nothing(decibel: float) -> None:
    heard = fingerprint(VOICE * np.float32(10 ** (decibel / 20)))
    same = np.mean(np.isin(heard.codes, WHOLE.codes))
    assert same > 0.97
    assert np.abs(heard.shape.astype(int) - WHOLE.shape).mean() < 0.3


def test_the_caller_may_use_his_array_again() -> None:
    maker = Fingerprinter()
    pieces, block = [], np.empty(160, np.float32)
    for at in range(0, len(VOICE), 160):
        block[:] = VOICE[at : at + 160]
        pieces.append(maker.push(block))
        block[:] = 1.0
    heard = join([*pieces, maker.finish()], len(VOICE) // HOP)
    np.testing.assert_array_equal(heard.codes, WHOLE.codes)


def test_codes_and_lengths() -> None:
    assert len(WHOLE.codes) > 100
    assert WHOLE.codes.min() >= 0
    assert WHOLE.codes.max() < CODES
    assert WHOLE.seconds == 2.0
    assert len(fingerprint(np.zeros(0, np.float32)).shape) == 0


def test_cut_counts_from_its_start() -> None:
    part = WHOLE.cut(80, 120)
    assert part.seconds == 0.5
    inside = (WHOLE.frames >= 80) & (WHOLE.frames < 120)
    np.testing.assert_array_equal(part.codes, WHOLE.codes[inside])
    np.testing.assert_array_equal(part.frames, WHOLE.frames[inside] - 80)
    np.testing.assert_array_equal(part.shape, WHOLE.shape[80:120])
    assert isinstance(part, Fingerprint)


def test_noise_makes_no_more_landmarks_than_the_limit_allows() -> None:
    heard = fingerprint(noise(1, 3.0))
    assert len(heard.codes) <= 30 * PER_BLOCK * 8

from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.replay.compare import APART, LAG, PARTS, drift, find_stretch
from ringtrue.inference.replay.fingerprint import Fingerprinter, fingerprint
from ringtrue.inference.replay.frames import BLOCK, BLOCK_FRAMES, FRAME_RATE, HOP, WINDOW
from ringtrue.inference.replay.likelihood import REPEAT_BAR
from ringtrue.inference.replay.memory import CallMemory
from ringtrue.inference.replay.repeats import Repeat, RepeatFinder

from .voices import Samples, noise, silence, through_mu_law, voice


def find(call: Samples, speech: bool = True, seen: list[Repeat] | None = None) -> list[Repeat]:
    memory = CallMemory(2000)
    finder = RepeatFinder(memory, seen=None if seen is None else seen.append)
    maker = Fingerprinter()
    found = []
    for at in range(0, len(call) - BLOCK + 1, BLOCK):
        memory.add_speech(speech)
        piece = maker.push(call[at : at + BLOCK])
        memory.add_audio(call[at : at + BLOCK])
        memory.add_shape(piece.shape)
        found += finder.push(piece)
    return found


@pytest.mark.parametrize("shift", [0, 13, 50, 87])
@pytest.mark.parametrize("seconds", [1.5, 3.0])
def test_a_clip_played_twice(shift: int, seconds: float) -> None:
    clip = voice(5, seconds)
    first = through_mu_law(clip, 1.0, 1)
    second = through_mu_law(clip, 0.1, 2)
    gap = silence(2.0 + shift / 8000)
    call = np.concatenate([voice(6, 2.0), first, gap, second, silence(1.5)])
    last = find(call)[-1]
    assert last.distance / FRAME_RATE == pytest.approx(seconds + len(gap) / 8000, abs=0.02)
    start = 2.0 + seconds + len(gap) / 8000
    assert last.start / FRAME_RATE == pytest.approx(start, abs=0.35)
    assert last.stop / FRAME_RATE == pytest.approx(start + seconds, abs=0.35)
    assert last.similarity > 0.6


def test_one_match_grows_with_the_clip() -> None:
    clip = voice(7, 6.0)
    call = np.concatenate([clip, silence(1.0), clip, silence(1.5)])
    found = find(call)
    assert len({r.distance for r in found}) == 1
    assert [r.stop for r in found] == sorted(r.stop for r in found)
    assert (found[-1].stop - found[-1].start) / FRAME_RATE == pytest.approx(6.0, abs=0.4)
    assert found[-1].score > found[0].score


def test_looking_on_changes_nothing() -> None:
    """Candidates that cannot reach the bar are measured to the end only where asked for."""
    rng = np.random.default_rng(4)
    order = rng.integers(0, 6, 12)
    clips = [voice(20 + i, 1.0 + 0.3 * i) for i in range(6)]
    call = np.concatenate([through_mu_law(clips[i], 0.5, k) for k, i in enumerate(order)])
    call += noise(9, len(call) / 8000, 0.05)[: len(call)]
    seen: list[Repeat] = []
    found = find(call, seen=seen)
    assert found
    assert found == find(call)
    assert any(r.score < REPEAT_BAR for r in seen)
    assert [r for r in seen if r.score >= REPEAT_BAR] == found


@pytest.mark.parametrize(
    "call",
    [
        np.concatenate([voice(i, 3.0) for i in range(10, 20)]),
        noise(3, 20.0),
        silence(20.0),
        np.sin(2 * np.pi * 440 * np.arange(160_000) / 8000).astype(np.float32) / 4,
    ],
    ids=["speech", "noise", "silence", "tone"],
)
def test_nothing_is_found_where_nothing_repeats(call: Samples) -> None:
    assert find(call) == []


def test_a_ticking_clock_is_no_repeat() -> None:
    call = noise(3, 30.0) / 30
    tick = noise(4, 0.03)
    for at in range(0, len(call) - len(tick), 8000):
        call[at : at + len(tick)] += tick
    assert find(call) == []


@pytest.mark.parametrize("tones", [(440, 480), (523, 941, 1336, 1777, 2210, 2630)])
def test_a_ring_tone_is_no_repeat(tones: tuple[int, ...]) -> None:
    # What the network takes for speech by mistake, too.
    time = np.arange(8000) / 8000
    ring = 0.05 * sum(np.sin(2 * np.pi * tone * time) for tone in tones)
    once = np.concatenate([ring.astype(np.float32), silence(2.0)])
    assert find(np.concatenate([through_mu_law(once, 1.0, seed) for seed in range(5)])) == []


def test_an_echo_is_no_repeat() -> None:
    talk = voice(21, 8.0)
    echo = np.concatenate([silence(0.4), 0.3 * talk])[: len(talk)]
    assert find(talk + echo) == []


def test_what_is_not_speech_does_not_count() -> None:
    clip = voice(5, 3.0)
    assert find(np.concatenate([clip, silence(1), clip, silence(1.5)]), speech=False) == []


def test_compare_finds_the_stretch_and_the_lag() -> None:
    shape = fingerprint(voice(8, 4.0)).shape
    other = fingerprint(voice(9, 4.0)).shape
    then = np.concatenate([other[:100], shape[100:220], other[220:]])
    speech = np.ones(len(shape), np.bool_)
    for lag in (-1, 0, 1):
        wide = np.pad(then, ((LAG + lag, LAG - lag), (0, 0)))
        stretch = find_stretch(shape, wide, speech)
        assert stretch is not None
        assert stretch.lag == -lag
        assert abs(stretch.start - 100) <= 20
        assert abs(stretch.stop - 220) <= 20
        assert stretch.similarity > 0.75
    wide = np.pad(other, ((LAG, LAG), (0, 0)))
    unrelated = find_stretch(shape, wide, speech)
    assert unrelated is None or unrelated.stop - unrelated.start < 60
    assert find_stretch(shape, np.pad(shape, ((1, 1), (0, 0))), ~speech) is None


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_a_recording_does_not_drift(shift: int) -> None:
    shape = fingerprint(voice(8, 4.0)).shape[100:240]
    then = np.pad(shape, ((APART + shift, APART - shift), (0, 0)))
    assert drift(shape, then) == pytest.approx(abs(shift), abs=0.1)


def test_slower_speech_drifts() -> None:
    shape = fingerprint(voice(8, 4.0)).shape[100:240]
    # 5 % slower: the ends lie 3.5 frames off.
    slow = shape[np.rint(np.linspace(3.5, 136.5, 140)).astype(int)]
    assert drift(slow, np.pad(shape, ((APART, APART), (0, 0)))) > 1.0


def test_drift_of_nothing_is_the_largest() -> None:
    shape = fingerprint(voice(8, 1.0)).shape
    for count in (0, PARTS - 1, 40):
        silent = np.zeros((count + 2 * APART, shape.shape[1]), np.int8)
        assert drift(shape[:count], silent) == APART


def test_memory_gives_zeros_for_what_it_forgot() -> None:
    memory = CallMemory(100)
    numbers = np.arange(5000) % 100
    for at in range(0, 5000, 8):
        memory.add_shape(np.repeat(numbers[at : at + 8, np.newaxis], 63, axis=1).astype(np.int8))
    assert memory.stop == 5000
    assert 0 < memory.first <= 4900
    np.testing.assert_array_equal(memory.shape(4950, 5000)[:, 0], numbers[4950:])
    edge = memory.shape(memory.first - 2, memory.first + 2)[:, 0]
    np.testing.assert_array_equal(edge, [0, 0, *numbers[memory.first : memory.first + 2]])
    assert not memory.shape(5000, 5010).any()


def test_memory_of_samples() -> None:
    memory = CallMemory(100)
    samples = noise(1, 2.0)
    for at in range(0, len(samples), 700):
        memory.add_audio(samples[at : at + 700])
    for start, stop in [(0, 1), (3, 40), (100, 155)]:
        heard = memory.audio(start, stop)
        assert heard.dtype == np.float32
        expected = samples[start * HOP : (stop - 1) * HOP + WINDOW]
        np.testing.assert_allclose(heard, expected, rtol=1e-3, atol=1e-7)
    early = memory.audio(-2, 1)
    assert not early[: 2 * HOP].any()
    np.testing.assert_allclose(early[2 * HOP :], samples[:WINDOW], rtol=1e-3, atol=1e-7)


def test_samples_far_beyond_full_scale_stay_finite() -> None:
    memory = CallMemory(100)
    memory.add_audio(np.float32(1e6) * noise(1, 0.1))
    assert np.isfinite(memory.audio(0, 3)).all()


def test_memory_of_speech() -> None:
    memory = CallMemory(100)
    for heard in (True, False, True):
        memory.add_speech(heard)
    expected = np.repeat([True, False, True, False], BLOCK_FRAMES)[4:30]
    np.testing.assert_array_equal(memory.speech(4, 30), expected)
    assert [memory.block_has_speech(i) for i in (-1, 0, 1, 2, 3)] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert memory.speech_blocks(1) == 1


def test_same_words_again_are_no_repeat_but_the_same_clip_is(corpus: object) -> None:
    from ringtrue.training.channel.presets import codec_only
    from ringtrue.training.heard import read_clip
    from ringtrue.training.manifest import read_manifest

    manifest = read_manifest(f"{corpus}/manifest.jsonl")
    words: dict[str, list[Samples]] = {}
    for clip in manifest:
        if clip.source == "arabic_commands" and clip.split == "train":
            words.setdefault(clip.speaker, []).append(read_clip(manifest, clip))
    speaker = max(sorted(words), key=lambda name: len(words[name]))
    call = np.concatenate([part for word in words[speaker][:20] for part in (word, silence(0.4))])
    assert find(codec_only("g711_alaw")(call, np.random.default_rng(1))) == []
    prompt = next(
        c for c in manifest if c.recorded_prompt and c.split == "train" and c.seconds > 2.5
    )
    clip = read_clip(manifest, prompt)[:20_000]
    first = codec_only("gsm")(clip, np.random.default_rng(2))
    second = codec_only("amr_nb_4750")(clip, np.random.default_rng(3))
    (*_, last) = find(np.concatenate([first, call[:40_000], 0.5 * second, silence(1.5)]))
    assert last.distance / FRAME_RATE == pytest.approx(7.5, abs=0.02)

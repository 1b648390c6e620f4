"""Simulated calls are of one voice each and can be repeated."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.training.human_calls import SECONDS, simulate_calls
from ringtrue.training.manifest import Clip, Manifest


def _manifest(folder: Path) -> Manifest:
    clips = []
    for index, condition in enumerate(("phone", "studio", "studio")):
        samples = np.random.default_rng(index).normal(0, 0.05, 40_000).astype(np.float32)
        soundfile.write(folder / f"{index}.wav", samples, 8000)
        speaker = f"{condition}:{index}"
        clips.append(
            Clip(str(index), f"{index}.wav", "human", "dev", 5, condition, speaker=speaker,
                 condition=condition)
        )  # fmt: skip
    return Manifest(tuple(clips), folder)


def test_calls_are_repeatable_whatever_their_number(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path)
    few = simulate_calls(manifest, False, 2, seed=4)
    more = simulate_calls(manifest, False, 3, seed=4)
    for one, other in zip(few, more, strict=False):
        assert one.voice == other.voice
        np.testing.assert_array_equal(one.samples, other.samples)
    simulate_calls(manifest, False, 3, seed=4, cache=tmp_path / "cache")
    kept = simulate_calls(manifest, False, 3, seed=4, cache=tmp_path / "cache")
    np.testing.assert_array_equal(kept[2].samples, more[2].samples)
    assert all(call.samples.shape == (SECONDS * 8000,) for call in more)
    assert all(call.samples.dtype == np.int16 for call in more)
    assert {call.voice for call in more} <= {clip.group for clip in manifest}
    assert not any(call.robot for call in more)


def test_refuses_a_class_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected clips of robots in dev, got none"):
        simulate_calls(_manifest(tmp_path), True, 1, seed=1)

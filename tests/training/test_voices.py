"""Which voices make a pair."""

from __future__ import annotations

import numpy as np
import pytest

from ringtrue.training.manifest import Clip
from ringtrue.training.recipe import CropConfig
from ringtrue.training.voices import Pairs


def _clip(name: str, label: str, source: str, speaker: str = "", seconds: float = 4.0) -> Clip:
    system = "" if label == "human" else "copy"
    return Clip(
        id=name,
        path=f"{name}.flac",
        label=label,
        split="train",
        seconds=seconds,
        source=source,
        speaker=speaker,
        system=system,
    )


CLIPS = [
    _clip("a", "human", "books", "books:1"),
    _clip("b", "human", "books", "books:2"),
    _clip("a-copy", "vocoded", "copies", "books:1"),
    _clip("page-human", "human", "page", "page:", 1.0),
    _clip("page-tts", "tts", "page", "page:", 9.0),
    _clip("alone", "tts", "engine", "engine:"),
]


def test_the_speaker_comes_before_the_source() -> None:
    pairs = Pairs(list(enumerate(CLIPS)), CropConfig(pair_share=0.5))
    assert pairs.keys == ["books:1", "page"]
    # The square root of what both classes have: 4 s and 1 s.
    np.testing.assert_allclose(pairs.probability, [2 / 3, 1 / 3])


def test_weights_of_sources_count() -> None:
    config = CropConfig(pair_share=0.5, weights={"page": 4.0})
    pairs = Pairs(list(enumerate(CLIPS)), config)
    np.testing.assert_allclose(pairs.probability, [1 / 3, 2 / 3])


@pytest.mark.parametrize("seed", range(20))
def test_both_voices_belong_together(seed: int) -> None:
    pairs = Pairs(list(enumerate(CLIPS)), CropConfig(pair_share=0.5))
    source, human, robot = pairs.draw(np.random.default_rng(seed))
    found = (human.clips, robot.clips)
    assert found == (((0,), (2,)) if source == "books" else ((3,), (4,)))

"""Composed crops: labels follow the audio, both classes are treated alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ringtrue.training.clip_store import ClipStore
from ringtrue.training.compose import HUMAN, NONSPEECH, ROBOT, Composer
from ringtrue.training.manifest import Manifest
from ringtrue.training.recipe import CropConfig
from ringtrue.training.voices import Pairs
from tests.training.small_corpus import small_corpus

CONFIG = CropConfig(seconds=4.0, speed_probability=0.0, copy_synthesis_share=0.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    folder = tmp_path_factory.mktemp("corpus")
    return ClipStore(small_corpus(folder), folder / "cache")


def test_store_gives_the_decoded_clips_again(store: ClipStore, tmp_path: Path) -> None:
    assert len(store) == 26
    clip = store.manifest.clips[3]
    assert len(store.audio(3)) == round(clip.seconds * 8000)
    assert store.audio(3).dtype == np.float32
    assert len(store.speech(3)) == len(store.audio(3)) // 160
    again = ClipStore(store.manifest, store.manifest.root / "cache")
    np.testing.assert_array_equal(again.audio(3), store.audio(3))


def test_store_refuses_other_rates(tmp_path: Path) -> None:
    import soundfile

    manifest = small_corpus(tmp_path)
    soundfile.write(tmp_path / "c00.flac", np.zeros(100), 16000)
    with pytest.raises(ValueError, match=r"c00\.flac: expected mono at 8000 Hz, .* at 16000 Hz"):
        ClipStore(manifest, tmp_path / "cache")


def test_crops_have_the_asked_length_and_classes(store: ClipStore) -> None:
    composer = Composer(store, CONFIG)
    rng = np.random.default_rng(1)
    crops = [composer.draw(rng) for _ in range(80)]
    for crop in crops:
        assert crop.samples.shape == (32000,)
        assert crop.samples.dtype == np.float32
        assert crop.speech.shape == (200,)
        assert crop.speech.dtype == np.float32
    assert {c.target for c in crops} == {HUMAN, ROBOT, NONSPEECH}
    assert all(c.system == "buzz" for c in crops if c.target == ROBOT)
    assert all(not c.speech.any() for c in crops if c.target == NONSPEECH)


def test_equal_seeds_give_equal_crops(store: ClipStore) -> None:
    composer = Composer(store, CONFIG)
    first = composer.draw(np.random.default_rng(7))
    second = composer.draw(np.random.default_rng(7))
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.clips == second.clips


def test_labels_lie_where_the_audio_is(store: ClipStore) -> None:
    composer = Composer(store, replace(CONFIG, chop_probability=1.0))
    rng = np.random.default_rng(2)
    for _ in range(30):
        crop = composer.draw(rng)
        if crop.target == NONSPEECH:
            continue
        silent = np.square(crop.samples).reshape(-1, 160).sum(axis=1) == 0
        assert np.all(crop.speech[silent] == 0)


def test_copies_keep_the_words_and_become_robots(store: ClipStore) -> None:
    composer = Composer(store, replace(CONFIG, copy_synthesis_share=1.0, human_share=0.0))
    rng = np.random.default_rng(3)
    crop = next(c for c in (composer.draw(rng) for _ in range(9)) if c.target == ROBOT)
    assert crop.system.startswith("copy:")
    assert crop.source == "people"
    assert crop.samples.shape == (32000,)


def test_a_class_that_is_missing_is_named(tmp_path: Path) -> None:
    manifest = small_corpus(tmp_path)
    humans = Manifest(tuple(c for c in manifest.clips if c.is_human), manifest.root)
    with pytest.raises(ValueError, match="no clips of one class are left"):
        Composer(ClipStore(humans, tmp_path / "cache"), CONFIG)


def test_pairs_by_copy_share_clips_and_labels(store: ClipStore) -> None:
    composer = Composer(store, replace(CONFIG, pair_share=1.0, pair_copies=1.0))
    rng = np.random.default_rng(5)
    human, robot = composer.draw_pair(rng)
    assert (human.target, robot.target) == (HUMAN, ROBOT)
    assert robot.system.startswith("copy:")
    assert robot.clips == human.clips
    np.testing.assert_array_equal(robot.speech, human.speech)
    assert not np.array_equal(robot.samples, human.samples)


def test_pairs_without_common_sources_are_copies(store: ClipStore) -> None:
    clips = [replace(c, source=f"{c.source}-{c.label}", speaker="") for c in store.manifest]
    pairs = Pairs(list(enumerate(clips)), CONFIG)
    assert pairs.keys == []
    assert pairs.probability.shape == (0,)

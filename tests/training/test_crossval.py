"""Cross-validation over sources."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.cache import SHARD_CROPS, CropCache
from ringtrue.training.checkpoint import load_detector
from ringtrue.training.crossval import (
    LEFT_OUT,
    Fold,
    Trials,
    copied_sources,
    fold_figures,
    folds,
    score_crops,
    training_part,
    trials_of,
)
from ringtrue.training.crossval_run import _scores, claim_folder, judge_fold, run_fold, summarise
from ringtrue.training.manifest import Clip, Manifest
from ringtrue.training.recipe import Recipe, parse_recipe
from ringtrue.training.trainer import Trainer

NETWORK = {"stem": [4, 4], "embedding": 8, "hidden": 4, "dilations": [1]}
LENGTH = 16_000


def _cache(rows: list[tuple[str, str, int]], pairs: tuple[tuple[int, int], ...] = ()) -> CropCache:
    """Crops of 2 s: robots buzz, people are noise."""
    rng = np.random.default_rng(3)
    audio = rng.normal(0, 2000, (len(rows), LENGTH))
    buzz = 6000 * np.sign(np.sin(2 * np.pi * 120 * np.arange(LENGTH) / 8000))
    audio[[target == 1 for *_, target in rows]] += buzz
    speech = np.full((len(rows), LENGTH // 160), 255, np.uint8)
    parts = range(0, len(rows), SHARD_CROPS)
    return CropCache(
        audio=tuple(audio[k : k + SHARD_CROPS].astype(np.int16) for k in parts),
        speech=tuple(speech[k : k + SHARD_CROPS] for k in parts),
        targets=np.array([target for *_, target in rows], np.int8),
        sources=tuple(source for source, *_ in rows),
        systems=tuple(system for _, system, _ in rows),
        pairs=np.array(pairs, np.int64).reshape(-1, 2),
        clips=tuple((f"clip-{number}",) for number in range(len(rows))),
    )


def _rows() -> list[tuple[str, str, int]]:
    rows: list[tuple[str, str, int]] = []
    for source, crops in (("a", 40), ("b", 20), ("c", 20), ("page", 10)):
        rows += [(source, "", 0)] * crops
    for source, system, crops in (("x", "x", 30), ("y", "y", 30), ("page", "tts", 8)):
        rows += [(source, system, 1)] * crops
    return [*rows, ("a", "copy:world", 1), ("noise", "", -1)]


def test_every_source_is_left_out_once_and_folds_hold_about_half_of_both_classes() -> None:
    cache = _cache(_rows())
    first, second = folds(cache, 2)
    assert first.sources | second.sources == {"a", "b", "c", "page", "x", "y"}
    assert not first.sources & second.sources
    for target, total in ((0, 90), (1, 69)):
        share = sum(t == target and s in first.sources for s, _, t in _rows()) / total
        assert 0.3 < share < 0.7
    assert folds(cache, 2) == (first, second)


def test_too_few_sources_or_folds_are_refused() -> None:
    cache = _cache([("a", "", 0), ("b", "", 0), ("x", "x", 1)])
    with pytest.raises(ValueError, match="at least 2 robot sources, got 1"):
        folds(cache, 2)
    with pytest.raises(ValueError, match="at least 2 folds, got 1"):
        folds(cache, 1)


def test_training_never_sees_the_fold_and_keeps_noise() -> None:
    cache = _cache([("a", "", 0), ("b", "", 0), ("x", "x", 1), ("a", "copy:world", 1),
                    ("n", "", -1)], ((0, 3), (1, 2)))  # fmt: skip
    part = training_part(cache, Fold(0, frozenset({"a", "n"})))
    assert part.targets.tolist() == [LEFT_OUT, 0, 1, LEFT_OUT, -1]
    assert part.targets.dtype == np.int8
    assert part.pairs.tolist() == [[1, 2]]


def test_copies_of_left_out_people_are_left_out_of_training_too() -> None:
    def clip(number: int, label: str, source: str, speaker: str) -> Clip:
        return Clip(f"clip-{number}", "", label, "train", 1.0, source, speaker=speaker)

    manifest = Manifest(
        (
            clip(0, "human", "a", "a:ann"),
            clip(1, "human", "b", "bob"),
            clip(2, "vocoded", "copies", "a:ann"),
            clip(3, "vocoded", "copies", "bob"),
            # Known by the name, though none of her own clips is there.
            clip(4, "vocoded", "copies", "a:amy"),
            clip(5, "tts", "page", "page:"),
            clip(6, "tts", "x", ""),
        ),
        Path(),
    )
    copies = copied_sources(manifest)
    assert copies == {
        "clip-2": frozenset({"a"}), "clip-3": frozenset({"bob", "b"}), "clip-4": frozenset({"a"}),
    }  # fmt: skip
    cache = _cache(
        [("a", "", 0), ("b", "", 0), *[("copies", "world", 1)] * 3, ("page", "tts", 1),
         ("x", "x", 1)], ((0, 3), (1, 2), (1, 3)),
    )  # fmt: skip
    part = training_part(cache, Fold(0, frozenset({"a", "x"})), copies)
    assert part.targets.tolist() == [LEFT_OUT, 0, LEFT_OUT, 1, LEFT_OUT, 1, LEFT_OUT]
    assert part.pairs.tolist() == [[1, 3]]


def test_trials_are_the_folds_crops_without_copies_and_small_groups() -> None:
    cache = _cache(_rows())
    trials = trials_of(cache, Fold(0, frozenset({"a", "page", "x"})), most=9)
    assert sorted(set(trials.sources)) == ["a", "page", "page/tts", "x/x"]
    sizes = [trials.sources.count(name) for name in ("a", "page", "page/tts", "x/x")]
    assert sizes == [9, 9, 8, 9]
    assert all(cache.targets[i] == r for i, r in zip(trials.crops, trials.robot, strict=True))
    assert not {cache.systems[i] for i in trials.crops} & {"copy:world"}


@pytest.mark.parametrize(
    ("sources", "left"), [({"a"}, "got a;"), ({"x", "y"}, "x/x, y/y"), ({"z"}, "none")]
)
def test_a_fold_of_one_class_is_refused(sources: set[str], left: str) -> None:
    with pytest.raises(ValueError, match=f"fold 3: expected .*{left}"):
        trials_of(_cache(_rows()), Fold(3, frozenset(sources)))


def test_each_source_weighs_the_same() -> None:
    # Four crops of a source that is told apart, two of one that is not.
    robot = np.array([True] * 6 + [False] * 2)
    scores = np.array([2, 2, 2, 2, -2, -2, 0, 0], np.float32)
    names = ("x", "x", "x", "x", "y", "y", "a", "a")
    found = fold_figures(scores, Trials(np.arange(8), robot, names))
    assert found.auc == pytest.approx(0.5)
    assert found.by_source == pytest.approx({"x": 1.0, "y": 0.0, "a (human)": 0.5})
    assert 0.0 <= found.eer <= 0.5


def test_scores_are_those_after_so_much_speech() -> None:
    cache = _cache(_rows())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(DetectorConfig.from_dict({"network": NETWORK})).eval()
    crops = np.array([0, 50, 95])
    early, late = score_crops(detector, cache, crops, (0.0, 1e9))
    pcm = torch.from_numpy(np.stack([cache.crop(int(i), 0, LENGTH) for i in crops]))
    with torch.no_grad():
        output = detector.forward_features(detector.features(pcm))
    np.testing.assert_array_equal(early, output.score[:, 0].numpy())
    np.testing.assert_array_equal(late, output.score[:, -1].numpy())


def _recipe() -> Recipe:
    return parse_recipe(
        {
            "crops": {"seconds": 2.0, "count": 160},
            "model": {"network": NETWORK},
            "training": {
                "steps": 4, "batch_seconds": 16.0, "lengths": [1.0], "validate_every": 2,
                "time_masks": 0,
            },
            "mixture": {"components": 2, "cepstra": 4, "gains": [0.0, 1.0], "iterations": 3},
        }
    )  # fmt: skip


def test_a_fold_is_trained_scored_with_mixtures_and_not_trained_twice(tmp_path: Path) -> None:
    cache = _cache(_rows())
    files = []
    for fold in folds(cache, 2):
        folder = tmp_path / f"fold-{fold.number}"
        figures = run_fold(_recipe(), cache, fold, folder)
        assert figures["sources"] == sorted(fold.sources)
        assert set(figures["gains"]) == {"0", "1", "inf"}
        written = (folder / "last.ckpt").stat().st_mtime_ns
        assert run_fold(_recipe(), cache, fold, folder) == figures
        assert (folder / "last.ckpt").stat().st_mtime_ns == written
        (folder / "figures.json").write_text(json.dumps(figures))
        files.append(folder / "figures.json")
    lines = summarise(files)
    assert lines[0].startswith("frames x 0: mean 1 - AUC 0.")
    named = {line.split("  ")[-1] for line in lines[4:]}
    assert named == {
        "a (human)", "b (human)", "c (human)", "page (human)", "page/tts", "x/x", "y/y",
    }  # fmt: skip


def test_a_recipe_without_weights_gives_an_equal_opinion(tmp_path: Path) -> None:
    cache = _cache(_rows())
    fold = folds(cache, 2)[0]
    recipe = _recipe()
    equal = replace(recipe, mixture=replace(recipe.mixture, gains=()))
    figures = run_fold(equal, cache, fold, tmp_path)
    assert list(figures["gains"]) == ["0", "equal", "inf"]
    (tmp_path / "figures.json").write_text(json.dumps(figures))
    assert summarise([tmp_path / "figures.json"])[1].startswith("frames x equal: mean 1 - AUC 0.")
    part, trials = training_part(cache, fold, {}), trials_of(cache, fold)
    scores = _scores(load_detector(tmp_path / "last.ckpt"), equal, cache, part, trials)
    added = scores["equal"] - scores["0"]
    # Gains have three digits.
    spread = np.mean(np.std(scores["0"], axis=1) / np.std(added, axis=1))
    assert spread == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    "section",
    [
        {"mixture": {"components": 2, "gains": [1]}},
        {"frame_net": {"hidden": [8], "steps": 150, "batch_crops": 8, "learning_rate": 0.01}},
    ],
)
def test_frame_evidence_alone_is_judged_beside_a_network_that_is_not_trained(
    section: dict[str, object], tmp_path: Path
) -> None:
    cache = _cache(_rows())
    fold = folds(cache, 2)[0]
    run_fold(_recipe(), cache, fold, tmp_path / "trained")
    network = tmp_path / "trained" / "last.ckpt"
    recipe = parse_recipe({"name": "r", **section})
    path = judge_fold(recipe, cache, fold, tmp_path / "fold-0", network=network)
    assert list(path.parent.iterdir()) == [tmp_path / "fold-0" / "figures.json"]
    figures = json.loads(path.read_text())
    assert set(figures["gains"]) == {"inf"}
    lines = summarise([path])
    assert lines[0].startswith("frames alone: mean 1 - AUC 0.")
    assert lines[1] == "AUC per source at 4 s, hardest first (frames alone):"
    # A second run keeps what is there.
    path.write_text("kept")
    judge_fold(recipe, cache, fold, tmp_path / "fold-0", network=network)
    assert path.read_text() == "kept"
    with pytest.raises(ValueError, match=r"recipe bare: expected a section mixture or frame_net"):
        run_fold(parse_recipe({"name": "bare"}), cache, fold, tmp_path / "x", network=network)


def test_folds_are_trained_to_the_last_step_whatever_the_patience(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    recipe = _recipe()
    patient = replace(recipe, training=replace(recipe.training, steps=8, patience=1))
    fold = folds(_cache(_rows()), 2)[0]
    cache = _cache(_rows())
    run_fold(patient, cache, fold, tmp_path)
    assert "training.patience 1: ignored in folds" in caplog.text
    assert Trainer(_recipe(), cache, tmp_path, lambda _: {"objective": 0.0}).reached.step == 8


def test_a_folder_of_another_cross_validation_is_refused(tmp_path: Path) -> None:
    recipe = parse_recipe({"name": "one", "training": {"steps": 3}})
    folder = tmp_path / "crossval"
    claim_folder(folder, recipe, tmp_path / "crops-a", 2)
    claim_folder(folder, recipe, tmp_path / "crops-a", 2)
    others = [
        (parse_recipe({"name": "one", "training": {"steps": 4}}), "crops-a", 2),
        (recipe, "crops-b", 2),
        (recipe, "crops-a", 3),
    ]
    network = tmp_path / "network.ckpt"
    network.write_bytes(b"weights")
    with pytest.raises(ValueError, match="another recipe, manifest, number of folds, network or"):
        claim_folder(folder, recipe, tmp_path / "crops-a", 2, network)
    for other, crops, count in others:
        with pytest.raises(
            ValueError, match="another recipe, manifest, number of folds, network or"
        ):
            claim_folder(folder, other, tmp_path / crops, count)

"""Recipes: shipped ones parse, mistakes are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ringtrue.model.detector import Detector
from ringtrue.training.recipe import CropConfig, parse_recipe, read_recipe


def test_shipped_recipe_is_commercial_and_within_the_size_limit() -> None:
    recipe = read_recipe("ringtrue")
    assert recipe.name == "ringtrue"
    assert recipe.kind == "network"
    assert recipe.data.commercial_only
    assert sum(p.numel() for p in Detector(recipe.model).parameters()) <= 300_000


def test_sections_override_defaults() -> None:
    recipe = parse_recipe(
        {"crops": {"count": 5}, "model": {"network": {"stem": [8, 8]}}, "training": {"steps": 3}},
        "mine",
    )
    assert (recipe.name, recipe.crops.count, recipe.training.steps) == ("mine", 5, 3)
    assert recipe.model.network.stem == (8, 8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": {}}, "unknown crop; expected baseline, crops, data"),
        ({"training": {"stepz": 1}}, "mine: training: unknown stepz"),
        ({"crops": []}, r"mine: crops: expected a mapping, got \[\]"),
        ({"crops": {"seconds": 0.5}}, "expected seconds >= 1"),
        ({"crops": {"human_share": 0.9, "robot_share": 0.3}}, r"got 0\.9 \+ 0\.3"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_recipe(values, "mine")


@pytest.mark.parametrize("name", ["baseline-lfcc-gmm", "baseline-logspec-lr"])
def test_baselines_learn_from_the_same_audio(name: str) -> None:
    assert read_recipe(name).crop_digest() == read_recipe("ringtrue").crop_digest()


def test_unknown_recipe_lists_those_that_ship() -> None:
    with pytest.raises(ValueError, match=r"no recipe nothing; .*ringtrue"):
        read_recipe("nothing")


def test_broken_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.yaml: not valid YAML"):
        read_recipe(path)
    path.write_text("- 1", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a mapping at the top, got list"):
        read_recipe(path)


def test_count_extends_a_cache_and_severity_makes_another() -> None:
    recipe = parse_recipe({})
    more = replace(recipe, crops=replace(recipe.crops, count=99))
    harsher = replace(recipe, crops=replace(recipe.crops, severity=2.0))
    assert more.crop_digest() == recipe.crop_digest() != harsher.crop_digest()


def test_shares_leave_room_for_nonspeech() -> None:
    config = CropConfig()
    assert 0 < 1 - config.human_share - config.robot_share < 0.2

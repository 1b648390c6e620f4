"""Cache, batches, loss and trainer, end to end on a tiny corpus."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.model.detector import CropOutput, Detector, DetectorConfig
from ringtrue.model.export import export_onnx, model_info
from ringtrue.model.network import NetworkConfig
from ringtrue.model.parity import ParityError, check_parity
from ringtrue.training import cache as crop_cache
from ringtrue.training.batches import _weighed, batches
from ringtrue.training.cache import CropCache, build_cache, cache_folder, open_cache
from ringtrue.training.checkpoint import load_detector, save_weights, start_from
from ringtrue.training.loss import crop_loss
from ringtrue.training.manifest import read_manifest
from ringtrue.training.recipe import TrainConfig, parse_recipe
from ringtrue.training.trainer import Trainer, learning_rate, moving_average
from tests.training.small_corpus import small_corpus

RECIPE = parse_recipe(
    {
        "crops": {"seconds": 2.0, "count": 8, "copy_synthesis_share": 0.0},
        "model": {
            "network": {"stem": [4, 4], "embedding": 8, "hidden": 4, "dilations": [1]},
            "pool": {"hidden": 4},
        },
        "training": {
            "steps": 4,
            "batch_seconds": 8.0,
            "lengths": [1.0, 2.0],
            "validate_every": 2,
            "first_readout": 0.1,
        },
    },
    "tiny",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    small_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def crops(corpus: Path) -> CropCache:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crop_cache, "SHARD_CROPS", 8)
        # Worker processes would not see the smaller shard.
        job = crop_cache._Job(corpus / "manifest.jsonl", corpus / "cache", RECIPE, None)
        worker = crop_cache._Worker(job)
        worker.folder.mkdir(parents=True)
        assert worker.make(0) == 0
        return open_cache(worker.folder, 8)


def _validate(detector: Detector) -> dict[str, float]:
    return {"objective": float(detector.pool.head[1].weight.abs().mean())}


def test_cache_holds_classes_audio_and_labels(crops: CropCache) -> None:
    assert len(crops) == 8
    assert set(crops.targets.tolist()) <= {-1, 0, 1}
    assert crops.audio[0].shape == (8, 16000)
    assert crops.speech[0].shape == (8, 100)
    assert crops.audio[0].dtype == np.int16


def test_complete_cache_is_not_made_again(corpus: Path, crops: CropCache) -> None:
    folder = build_cache(corpus / "manifest.jsonl", RECIPE, corpus / "cache", workers=1)
    assert len(list(folder.glob("*.jsonl"))) == 1


def test_missing_crops_are_named(corpus: Path, crops: CropCache, tmp_path: Path) -> None:
    folder = cache_folder(corpus / "cache", read_manifest(corpus / "manifest.jsonl"), RECIPE)
    with pytest.raises(ValueError, match="expected 9 cached crops, got 8; run: ringtrue cache"):
        open_cache(folder, 9)
    with pytest.raises(ValueError, match="expected some cached crops, got 0"):
        open_cache(tmp_path)


def _even(crops: CropCache) -> CropCache:
    """The same crops with every class present."""
    return replace(crops, targets=np.array([0, 1, 0, 1, 0, 1, -1, -1], np.int8))


def test_batches_are_balanced_and_of_one_length(
    crops: CropCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crop_cache, "SHARD_CROPS", 8)
    source = batches(_even(crops), RECIPE.crops, RECIPE.training, np.random.default_rng(0))
    for _ in range(6):
        batch = next(source)
        assert batch.pcm.shape[1] in (8000, 16000)
        assert batch.pcm.numel() == 64000
        assert batch.speech.shape == (len(batch.pcm), batch.pcm.shape[1] // 160)
        counts = {t: int((batch.targets == t).sum()) for t in (-1, 0, 1)}
        assert counts[-1] == 1
        assert abs(counts[0] - counts[1]) <= 1
        assert batch.pcm.dtype == torch.float32


def test_crops_come_as_often_as_their_source_weighs(caplog: pytest.LogCaptureFixture) -> None:
    targets = np.array([0, 0, 0, 1, 1], np.int8)
    sources = ("a", "b", "c", "b", "d")
    cache = CropCache((), (), targets, sources, ("",) * 5, np.zeros((0, 2), np.int64), ((),) * 5)
    rng = np.random.default_rng(0)
    drawn = _weighed(cache, 0, {"a": 2.0, "b": 0.25}, rng).take(3250)
    counts = np.bincount(drawn, minlength=5)
    assert counts[0] == pytest.approx(2000, rel=0.02)
    assert counts[1] == pytest.approx(250, rel=0.2)
    assert counts[2] == pytest.approx(1000, rel=0.02)
    assert counts[3:].sum() == 0
    # Without weights each comes once per round.
    assert sorted(_weighed(cache, 1, {}, rng).take(4)) == [3, 3, 4, 4]
    # Nor do weights of sources whose crops of the class are left out.
    assert sorted(_weighed(cache, 1, {"a": 2.0}, rng).take(4)) == [3, 3, 4, 4]
    # A recipe may name sources that other samples do not have; that is said.
    assert not caplog.records
    assert sorted(_weighed(cache, 1, {"strange": 2.0}, rng).take(4)) == [3, 3, 4, 4]
    assert caplog.messages == ["weights of robots: no crop comes from strange"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"human_weights": {"a": 0}}, "human_weights, a: expected a number above 0, got 0"),
        ({"robot_weights": {"a": "x"}}, "robot_weights, a: expected a number above 0, got 'x'"),
        ({"human_weights": ["a"]}, "human_weights: expected a mapping"),
        ({"warp": 1.0}, "expected 0 <= warp < 1"),
        ({"sharpness_radius": -0.1}, "sharpness_radius >= 0, got 0.0 and -0.1"),
    ],
)
def test_settings_out_of_range_are_named(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_recipe({"training": setting})


def test_pairs_pass_one_line_and_come_as_pairs(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crop_cache, "SHARD_CROPS", 8)
    paired = replace(RECIPE.crops, pair_share=1.0, pair_copies=1.0)
    recipe = replace(RECIPE, crops=paired)
    worker = crop_cache._Worker(crop_cache._Job(corpus / "manifest.jsonl", tmp_path, recipe, None))
    worker.folder.mkdir(parents=True)
    worker.make(0)
    cache = open_cache(worker.folder)
    np.testing.assert_array_equal(cache.pairs, np.arange(8).reshape(4, 2))
    np.testing.assert_array_equal(cache.targets, [0, 1] * 4)
    rows = [json.loads(r) for r in (worker.folder / "0000.jsonl").read_text().splitlines()]
    assert [list(clips) for clips in cache.clips] == [row["clips"] for row in rows]
    for human, robot in zip(rows[::2], rows[1::2], strict=True):
        assert human["channel"] == robot["channel"]
        assert human["clips"] == robot["clips"]
    batch = next(batches(cache, paired, recipe.training, np.random.default_rng(0)))
    assert batch.pairs > 0
    people, robots = batch.targets[-2 * batch.pairs :].reshape(2, -1)
    assert not people.any()
    assert robots.all()
    # Copies have the labels of their originals, cut at the same time.
    people, robots = batch.speech[-2 * batch.pairs :].reshape(2, batch.pairs, -1)
    assert torch.equal(people, robots)


def test_training_writes_and_resumes(
    crops: CropCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crop_cache, "SHARD_CROPS", 8)
    half = replace(RECIPE, training=replace(RECIPE.training, steps=2))
    best = Trainer(half, _even(crops), tmp_path, _validate).run()
    assert best.exists()
    trainer = Trainer(RECIPE, _even(crops), tmp_path, _validate)
    assert trainer.reached.step == 2
    trainer.run()
    rows = [json.loads(r) for r in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    detector = load_detector(best)
    assert not detector.training
    other = replace(RECIPE, model=DetectorConfig())
    with pytest.raises(ValueError, match="another model configuration"):
        Trainer(other, crops, tmp_path, _validate)
    # Written before there were frame networks.
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    del checkpoint["model_config"]["frame_net"]
    torch.save(checkpoint, tmp_path / "last.ckpt")
    assert Trainer(RECIPE, crops, tmp_path, _validate).reached.step == 4


def test_sharpness_aware_steps_end_elsewhere(
    crops: CropCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crop_cache, "SHARD_CROPS", 8)

    def trained(name: str, radius: float) -> torch.Tensor:
        training = replace(RECIPE.training, sharpness_radius=radius)
        run = Trainer(replace(RECIPE, training=training), _even(crops), tmp_path / name, _validate)
        return load_detector(run.run()).pool.head[1].weight.detach()

    plain, again, flat = trained("plain", 0.0), trained("again", 0.0), trained("flat", 0.5)
    assert torch.equal(plain, again)
    assert torch.isfinite(flat).all()
    assert not torch.allclose(plain, flat, atol=1e-5)


def test_interrupt_keeps_what_was_reached(
    crops: CropCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crop_cache, "SHARD_CROPS", 8)
    trainer = Trainer(RECIPE, _even(crops), tmp_path, _validate)
    step = trainer._step

    def interrupted(*arguments: object) -> object:
        if trainer.reached.step == 1:
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert Trainer(RECIPE, _even(crops), tmp_path, _validate).reached.step == 1


def test_other_files_are_not_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save({"a": 1}, path)
    with pytest.raises(ValueError, match=r"x\.ckpt: not a ringtrue checkpoint"):
        load_detector(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"x\.ckpt: .*another kind or part of one"):
        load_detector(path)
    path.write_text("no weights")
    with pytest.raises(ValueError, match=r"x\.ckpt: .*expected a file written by torch"):
        load_detector(path)


def test_weights_round_trip(tmp_path: Path) -> None:
    detector = Detector(RECIPE.model)
    detector.calibrate(1.5, -0.25)
    save_weights(detector, tmp_path / "w.ckpt")
    loaded = load_detector(tmp_path / "w.ckpt")
    assert loaded.config == RECIPE.model
    for key, value in detector.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_learning_rate_warms_up_and_falls() -> None:
    config = TrainConfig(steps=100, warmup=0.1, learning_rate=1.0)
    assert learning_rate(0, config) == pytest.approx(0.1)
    assert learning_rate(9, config) == pytest.approx(1.0)
    assert learning_rate(10, config) == pytest.approx(1.0)
    assert learning_rate(99, config) == pytest.approx(0.01, abs=1e-3)


def test_moving_average_forgets_the_start() -> None:
    average, current = torch.zeros(3), torch.ones(3)
    update = moving_average(0.5)
    update([average], [current], 0)
    torch.testing.assert_close(average, torch.full((3,), 0.9))
    for step in range(1, 30):
        update([average], [current], step)
    torch.testing.assert_close(average, current, atol=1e-4, rtol=0)
    counter = torch.tensor(0)
    update([counter], [torch.tensor(5)], 3)
    assert counter.item() == 5


def _output(score: list[float], gate: float) -> CropOutput:
    chunks = len(score)
    return CropOutput(
        score=torch.tensor([score]),
        speech_seconds=torch.zeros(1, chunks),
        speech_logits=torch.zeros(1, chunks * 5),
        embeddings=torch.zeros(1, 2, chunks * 5),
        gate=torch.full((1, chunks * 5), gate),
    )


def test_loss_weighs_readings_by_the_growth_of_the_logarithm() -> None:
    config = TrainConfig(first_readout=0.15, label_smoothing=0.0, speech_weight=0.0)
    robot = torch.tensor([1.0])
    speech = torch.zeros(1, 20)
    scores = [9.0, 0.0, 1.0, 2.0]
    loss = crop_loss(_output(scores, 1.0), speech, robot, config)
    # 0.1 s heard after the first chunk: below the first reading. Then 1/2, 1/3, 1/4.
    weights = np.array([1 / 2, 1 / 3, 1 / 4])
    each = np.log1p(np.exp(-np.array(scores[1:])))
    assert loss.voice.item() == pytest.approx(float((weights * each).sum() / weights.sum()))
    assert loss.speech.item() == pytest.approx(np.log(2))


def test_nonspeech_and_silence_leave_the_voice_loss_alone() -> None:
    config = TrainConfig()
    speech = torch.zeros(1, 20)
    assert crop_loss(_output([3.0] * 4, 1.0), speech, torch.tensor([-1.0]), config).voice == 0
    assert crop_loss(_output([3.0] * 4, 0.0), speech, torch.tensor([1.0]), config).voice == 0


def test_only_the_order_of_pairs_counts() -> None:
    config = TrainConfig(first_readout=0.05, speech_weight=0.0, pair_weight=2.0)
    scores = torch.tensor([[9.0], [1.0], [5.0], [3.0], [4.0]])
    output = CropOutput(
        score=scores,
        speech_seconds=torch.zeros(5, 1),
        speech_logits=torch.zeros(5, 5),
        embeddings=torch.zeros(5, 2, 5),
        gate=torch.ones(5, 5),
    )
    targets = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0])
    loss = crop_loss(output, torch.zeros(5, 5), targets, config, pairs=2)
    # Pairs: crops 1 and 3 (2 in the right order), 2 and 4 (1 in the wrong one).
    assert loss.order.item() == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(1))) / 2)
    assert loss.total.item() == pytest.approx(loss.voice.item() + 2 * loss.order.item())
    assert crop_loss(output, torch.zeros(5, 5), targets, config).order == 0


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Detector, Path]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(DetectorConfig(network=NetworkConfig(stem=(4, 4), dilations=(1, 2))))
    torch.nn.init.constant_(detector.network.speech.bias, 3.0)
    detector.calibrate(1.5, -0.2)
    points = (OperatingPoint("cautious", 3.0, 1.0, -1.0, 1.0),)
    info = model_info(detector, "tiny-fp32", "0.0.1", points, "0" * 64)
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    return detector, export_onnx(detector, info, path)


def test_export_is_one_file_that_agrees_with_torch(exported: tuple[Detector, Path]) -> None:
    import onnx

    detector, path = exported
    assert [p.name for p in path.parent.iterdir()] == ["tiny.onnx"]
    model = onnx.load(path)
    assert {o.domain: o.version for o in model.opset_import} == {"": 17}
    info = ModelInfo.from_metadata({p.key: p.value for p in model.metadata_props})
    assert info.state_size == detector.layout.size
    names = [v.name for v in (*model.graph.input, *model.graph.output)]
    assert names == ["pcm", "state", "speech", "voice_llr", "speech_seconds", "state_out"]
    shapes = [[d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim] for v in
              (*model.graph.input, *model.graph.output)]  # fmt: skip
    size = info.state_size
    rows = [["batch", 800], ["batch", size], ["batch"], ["batch"], ["batch"], ["batch", size]]
    assert shapes == rows
    rng = np.random.default_rng(0)
    clips = [(rng.standard_normal(n) * 0.1).astype(np.float32) for n in (4000, 9000, 50)]
    parity = check_parity(detector, path, clips)
    assert parity.clips == 2
    assert parity.streamed < 1e-5


def test_wrong_weights_are_refused(exported: tuple[Detector, Path]) -> None:
    detector, path = exported
    rng = np.random.default_rng(0)
    clips = [(rng.standard_normal(8000) * 0.1).astype(np.float32)]
    with torch.no_grad():
        detector.scale.fill_(1.6)
    try:
        with pytest.raises(ParityError, match="the file must not be released"):
            check_parity(detector, path, clips)
    finally:
        detector.scale.fill_(1.5)
    with pytest.raises(ValueError, match="at least one clip of 100 ms, got none"):
        check_parity(detector, path, [])


def test_start_from_copies_what_fits() -> None:
    def build(seed: int, **parts: object) -> Detector:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Detector(DetectorConfig.from_dict({**RECIPE.model.to_dict(), **parts}))

    old = build(1)
    new = build(2, mean_norm={"enabled": True})
    start_from(new, old)
    own, other = new.state_dict(), old.state_dict()
    assert set(own) - set(other) == {"mean_norm.prior"}
    assert all(torch.equal(own[name], other[name]) for name in other)
    wider = build(1, network={"stem": [6, 6], "embedding": 10, "hidden": 6, "dilations": [1]})
    with pytest.raises(ValueError, match="expected most of 32 parts to fit this model, got"):
        start_from(new, wider)

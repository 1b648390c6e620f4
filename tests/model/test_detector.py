"""The detector: streaming equals whole crops, the pool forgets with speech, calibration."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.model.layers import CausalBlock1d, CausalConv2d
from ringtrue.model.network import Network, NetworkConfig
from ringtrue.model.pool import EvidencePool, PoolConfig
from ringtrue.model.state import StateLayout


@pytest.fixture
def detector() -> Detector:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Detector(DetectorConfig()).eval()
    # An open gate, so that an untrained network pools something.
    torch.nn.init.constant_(model.network.speech.bias, 3.0)
    return model


def _audio(batch: int, chunks: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy((rng.standard_normal((batch, chunks * 800)) * 0.05).astype(np.float32))


def _stream(detector: Detector, pcm: torch.Tensor, size: int = 800) -> dict[str, torch.Tensor]:
    state = detector.zero_state(len(pcm))
    rows: list[tuple[torch.Tensor, ...]] = []
    with torch.no_grad():
        for start in range(0, pcm.shape[1], size):
            *outputs, state = detector(pcm[:, start : start + size], state)
            rows.append(tuple(outputs))
    names = ("speech", "voice_llr", "speech_seconds")
    return {name: torch.stack([r[i] for r in rows], 1) for i, name in enumerate(names)}


def test_streamed_equals_whole(detector: Detector) -> None:
    pcm = _audio(3, 25)
    streamed = _stream(detector, pcm)
    with torch.no_grad():
        whole = detector.forward_features(detector.features(pcm))
    assert streamed["voice_llr"].shape == (3, 25)
    assert torch.abs(whole.score).max() > 1e-3
    torch.testing.assert_close(streamed["voice_llr"], whole.score, atol=1e-5, rtol=0)
    torch.testing.assert_close(streamed["speech_seconds"], whole.speech_seconds, atol=1e-5, rtol=0)


def test_chunks_of_any_multiple_give_the_same_end(detector: Detector) -> None:
    pcm = _audio(1, 12)
    one = _stream(detector, pcm)["voice_llr"][:, -1]
    four = _stream(detector, pcm, 3200)["voice_llr"][:, -1]
    torch.testing.assert_close(one, four, atol=1e-5, rtol=0)


def test_rows_of_a_batch_do_not_touch(detector: Detector) -> None:
    pcm = _audio(2, 10)
    both = _stream(detector, pcm)["voice_llr"]
    alone = _stream(detector, pcm[1:])["voice_llr"]
    torch.testing.assert_close(both[1:], alone, atol=1e-6, rtol=0)


def test_voice_llr_is_zero_before_any_speech(detector: Detector) -> None:
    torch.nn.init.constant_(detector.network.speech.bias, -30.0)
    detector.calibrate(1.3, 0.7)
    streamed = _stream(detector, _audio(2, 8))
    assert torch.equal(streamed["voice_llr"], torch.zeros(2, 8))
    assert torch.equal(streamed["speech_seconds"], torch.zeros(2, 8))


def test_calibration_scales_and_shifts(detector: Detector) -> None:
    pcm = _audio(1, 20)
    raw = _stream(detector, pcm)
    detector.calibrate(2.0, -0.5)
    baked = _stream(detector, pcm)["voice_llr"]
    fade = torch.clamp(raw["speech_seconds"] / 0.5, max=1.0)
    assert fade[0, 0] < 1.0 == fade[0, -1]
    torch.testing.assert_close(baked, 2.0 * raw["voice_llr"] - 0.5 * fade, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="expected > 0, got 0"):
        detector.calibrate(0.0, 0.0)


def test_wrong_sizes_are_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="expected a multiple of 800 samples, got 801"):
        detector(torch.zeros(1, 801), detector.zero_state(1))
    with pytest.raises(ValueError, match=f"expected {detector.layout.size} values, got 3"):
        detector(torch.zeros(1, 800), torch.zeros(1, 3))


def test_size_limits_of_the_contract(detector: Detector) -> None:
    parameters = sum(p.numel() for p in detector.parameters())
    assert parameters <= 300_000


def test_config_round_trip_and_errors() -> None:
    config = DetectorConfig(network=NetworkConfig(stem=(8, 8), dilations=(1, 2)))
    assert DetectorConfig.from_dict(config.to_dict()) == config
    parts = "frontend, mean_norm, network, pool, mixture, frame_net"
    with pytest.raises(ValueError, match=f"expected {parts}, got nets"):
        DetectorConfig.from_dict({"nets": {}})
    with pytest.raises(ValueError, match=r"model\.pool: .*memory"):
        DetectorConfig.from_dict({"pool": {"memory": 3}})


def test_pool_forgets_with_speech_not_with_time() -> None:
    pool = EvidencePool(PoolConfig(memory_seconds=1.0, dropout=0.0), 4).eval()
    sums = torch.zeros(1, pool.state_size)
    embeddings = torch.ones(1, 4, 50)
    with torch.no_grad():
        _, seconds, sums = pool(embeddings, torch.ones(1, 50), sums, 5)
        # One second of speech with a time constant of 1 s, decayed once per chunk of 0.1 s.
        expected = sum(0.1 * np.exp(-0.1 * k) for k in range(10))
        assert seconds[0, -1].item() == pytest.approx(expected, rel=1e-5)
        _, after, same = pool(-embeddings, torch.zeros(1, 50), sums, 5)
    torch.testing.assert_close(same, sums)
    torch.testing.assert_close(after[0], seconds[0, -1].expand(10))


def test_gate_is_hard_below_the_threshold() -> None:
    pool = EvidencePool(PoolConfig(gate_threshold=0.5), 2)
    gate = pool.gate(torch.tensor([0.0, 0.5, 0.75, 1.0]))
    torch.testing.assert_close(gate, torch.tensor([0.0, 0.0, 0.5, 1.0]))


def test_state_layout_packs_and_unpacks() -> None:
    layout = StateLayout({"a": (2, 3), "b": (1,), "c": (4,)})
    assert layout.size == 11
    assert [f.offset for f in layout.fields] == [0, 6, 7]
    state = torch.arange(22.0).reshape(2, 11)
    parts = layout.unpack(state)
    assert [tuple(p.shape) for p in parts] == [(2, 2, 3), (2, 1), (2, 4)]
    assert torch.equal(layout.pack(parts), state)


def test_layers_refuse_what_cannot_be_causal() -> None:
    with pytest.raises(ValueError, match="expected an odd size, got 4"):
        CausalConv2d(1, 1, (4, 3), (1, 1), 8)
    with pytest.raises(ValueError, match="time kernel >= time stride, got 1, 2"):
        CausalConv2d(1, 1, (3, 1), (1, 2), 8)
    with pytest.raises(ValueError, match="at least two stem stages"):
        NetworkConfig(stem=(8,))


def test_network_never_looks_ahead() -> None:
    network = Network(NetworkConfig(), 80).eval()
    caches = [torch.zeros(1, *shape) for shape in network.cache_shapes()]
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.standard_normal((1, 80, 40)).astype(np.float32))
    changed = features.clone()
    changed[:, :, 20:] += 1.0
    with torch.no_grad():
        before, speech, _ = network(features, caches)
        after, speech_after, _ = network(changed, caches)
    assert torch.equal(before[:, :, :10], after[:, :, :10])
    assert torch.equal(speech[:, :10], speech_after[:, :10])
    assert not torch.equal(before[:, :, 10:], after[:, :, 10:])


def test_block_context_is_its_receptive_field() -> None:
    block = CausalBlock1d(4, 2, 3, 8)
    assert block.cache_shape == (2, 16)

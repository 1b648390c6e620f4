"""Mean normalisation: what it removes, what does not move it, chunks against whole crops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.model.frontend import FrontendConfig
from ringtrue.model.mean_norm import MeanNorm, MeanNormConfig

FRAMES = 10


def _norm(**values: float) -> MeanNorm:
    return MeanNorm(MeanNormConfig(enabled=True, **values), FrontendConfig(bands=4))


def _zeros(norm: MeanNorm, batch: int) -> torch.Tensor:
    return torch.zeros(batch, norm.state_size)


def test_disabled_passes_features_through() -> None:
    norm = MeanNorm(MeanNormConfig(), FrontendConfig(bands=4))
    features = torch.rand(2, 4, 30)
    out, sums = norm(features, torch.zeros(2, 0))
    assert out is features
    assert norm.state_size == 0
    assert sums.shape == (2, 0)
    assert not list(norm.parameters())


def test_exact_mean_of_loud_frames_and_prior() -> None:
    norm = _norm(prior_frames=10.0, memory_frames=1e9)
    with torch.no_grad():
        norm.prior.fill_(0.5)
    features = torch.full((1, 4, FRAMES), 1.5)
    out, sums = norm(features, _zeros(norm, 1))
    # Ten frames of 1.5 and a prior of 0.5 that counts for ten.
    torch.testing.assert_close(out, torch.full((1, 4, FRAMES), 0.5))
    torch.testing.assert_close(sums, torch.tensor([[15.0, 15.0, 15.0, 15.0, 10.0]]))


def test_quiet_frames_leave_the_mean_alone() -> None:
    norm = _norm()
    # 30 dB below the reference is the boundary: feature value 0 with the 60 dB floor.
    assert norm.threshold == pytest.approx(0.0, abs=1e-9)
    _, sums = norm(torch.full((1, 4, FRAMES), -0.5), _zeros(norm, 1))
    assert torch.equal(sums, _zeros(norm, 1))


def test_memory_forgets_with_loud_frames() -> None:
    norm = _norm(memory_frames=10.0)
    sums = torch.tensor([[0.0, 0.0, 0.0, 0.0, 100.0]])
    _, after = norm(torch.full((1, 4, FRAMES), 1.0), sums)
    assert after[0, -1].item() == pytest.approx(100 / torch.e + 10, rel=1e-6)


def test_a_line_response_is_removed_in_the_long_run() -> None:
    norm = _norm()
    generator = torch.Generator().manual_seed(1)
    features = 1 + torch.rand(1, 4, 3000, generator=generator)
    response = torch.tensor([0.3, -0.2, 0.1, 0.6])[None, :, None]
    plain, _ = norm(features, _zeros(norm, 1))
    heard, _ = norm(features + response, _zeros(norm, 1))
    late = (heard - plain)[:, :, 2000:].abs().max().item()
    # The prior still counts for 40 of 800 frames.
    assert late < 0.6 * 40 / 700


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**31 - 1))
def test_chunks_and_whole_crops_agree(chunks: int, seed: int) -> None:
    norm = _norm()
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 4, FRAMES * chunks, generator=generator)
    whole, end = norm(features, _zeros(norm, 2))
    sums, parts = _zeros(norm, 2), []
    for start in range(0, FRAMES * chunks, FRAMES):
        part, sums = norm(features[:, :, start : start + FRAMES], sums)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=2), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(sums, end, atol=1e-4, rtol=1e-5)


def test_detector_with_mean_norm_streams_like_whole_crops() -> None:
    config = DetectorConfig.from_dict({"mean_norm": {"enabled": True}})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(config).eval()
        pcm = 0.05 * torch.randn(2, 800 * 25)
    state = detector.zero_state(2)
    scores = []
    with torch.no_grad():
        whole = detector.forward_features(detector.features(pcm))
        for start in range(0, pcm.shape[1], 800):
            _, llr, _, state = detector(pcm[:, start : start + 800], state)
            scores.append(llr)
    torch.testing.assert_close(torch.stack(scores, dim=1), whole.score, atol=1e-5, rtol=0)


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="above 0"):
        MeanNormConfig(memory_frames=0)

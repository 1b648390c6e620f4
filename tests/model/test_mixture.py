"""Frame mixtures: densities against scikit-learn, differences, streaming."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.model.mixture import Mixture, MixtureConfig

BANDS = 12


def _mixture(components: int = 3, cepstra: int = 4, seed: int = 0) -> Mixture:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        mixture = Mixture(MixtureConfig(components, cepstra), BANDS).eval()
        shape = (2, components, mixture.config.features)
        weights = torch.softmax(torch.randn(2, components), dim=1)
        mixture.set_densities(weights, torch.randn(shape), 0.5 + torch.rand(shape))
    return mixture


def _zeros(mixture: Mixture, batch: int) -> torch.Tensor:
    return torch.zeros(batch, *mixture.cache_shape)


def test_ratio_is_that_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.mixture")
    rng = np.random.default_rng(1)
    models = []
    for centre in (0.3, -0.3):
        frames = rng.normal(centre, 1, (400, 12)).astype(np.float32)
        models.append(
            sklearn.GaussianMixture(2, covariance_type="diag", random_state=1).fit(frames)
        )
    mixture = Mixture(MixtureConfig(2, 4), BANDS)
    mixture.set_densities(
        *(
            torch.tensor(np.stack([getattr(m, name) for m in models]), dtype=torch.float32)
            for name in ("weights_", "means_", "covariances_")
        )
    )
    bands = torch.from_numpy(rng.normal(0, 1, (1, BANDS, 40)).astype(np.float32))
    with torch.no_grad():
        values, _ = mixture.features(bands, _zeros(mixture, 1))
        ratios, _ = mixture(bands, _zeros(mixture, 1))
    frames = values[0].T.numpy()
    expected = models[0].score_samples(frames) - models[1].score_samples(frames)
    assert ratios.shape == (1, 40)
    np.testing.assert_allclose(ratios[0].numpy(), np.clip(expected, -8, 8), atol=1e-3)


def test_differences_of_a_slope() -> None:
    mixture = _mixture(cepstra=BANDS)
    slope = torch.arange(30, dtype=torch.float32).expand(1, BANDS, 30)
    values, cache = mixture.features(slope, _zeros(mixture, 1))
    assert values.shape == (1, 3 * BANDS, 30)
    assert cache.shape == (1, BANDS, 8)
    static, first, second = values[0].split(BANDS)
    # The first cepstrum of equal bands is sqrt(bands) times their value, four frames late.
    assert static[0, 20].item() == pytest.approx(16 * BANDS**0.5, rel=1e-5)
    assert first[0, 20].item() == pytest.approx(BANDS**0.5, rel=1e-5)
    assert second[0, 20].item() == pytest.approx(0, abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 10), st.integers(0, 2**31 - 1))
def test_chunks_and_whole_crops_agree(chunks: int, seed: int) -> None:
    mixture = _mixture()
    bands = torch.randn(2, BANDS, 10 * chunks, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        whole, end = mixture(bands, _zeros(mixture, 2))
        cache, parts = _zeros(mixture, 2), []
        for start in range(0, 10 * chunks, 10):
            part, cache = mixture(bands[:, :, start : start + 10], cache)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(cache, end)


def test_detector_with_mixtures_streams_like_whole_crops() -> None:
    config = DetectorConfig.from_dict(
        {"mean_norm": {"enabled": True}, "mixture": {"components": 2}}
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(config).eval()
        pcm = 0.05 * torch.randn(2, 800 * 25)
    with torch.no_grad():
        detector.network.speech.bias.fill_(3.0)  # type: ignore[union-attr]
        without = detector.forward_features(detector.features(pcm)).score
        detector.pool.gain.fill_(2.0)
        whole = detector.forward_features(detector.features(pcm)).score
        state, scores = detector.zero_state(2), []
        for start in range(0, pcm.shape[1], 800):
            _, llr, _, state = detector(pcm[:, start : start + 800], state)
            scores.append(llr)
    assert (whole - without).abs().max() > 0.01
    torch.testing.assert_close(torch.stack(scores, dim=1), whole, atol=1e-5, rtol=0)


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="expected components >= 0 and cepstra >= 1"):
        MixtureConfig(components=-1)

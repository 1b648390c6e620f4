"""Frame mixtures: densities against scikit-learn, differences, streaming."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.model.mixture import Mixture, MixtureConfig

BANDS = 12


def _mixture(
    components: int = 3, cepstra: int = 4, differences: int = 2, loud_only: bool = False
) -> Mixture:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mixture = Mixture(MixtureConfig(components, cepstra, differences, loud_only), BANDS).eval()
        shape = (2, components, mixture.cepstra.values)
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
        values, _ = mixture.cepstra(bands, _zeros(mixture, 1))
        ratios, _ = mixture(bands, torch.ones(1, 1, 40), _zeros(mixture, 1))
    frames = values[0].T.numpy()
    expected = models[0].score_samples(frames) - models[1].score_samples(frames)
    assert ratios.shape == (1, 40)
    np.testing.assert_allclose(ratios[0].numpy(), np.clip(expected, -8, 8), atol=1e-3)


def test_a_frame_that_is_not_loud_says_nothing() -> None:
    bands = torch.randn(1, BANDS, 30, generator=torch.Generator().manual_seed(1))
    loud = torch.ones(1, 1, 30)
    loud[:, :, 20] = 0
    every, only = _mixture(), _mixture(loud_only=True)
    with torch.no_grad():
        said, _ = every(bands, loud, _zeros(every, 1))
        left, cache = only(bands, loud, _zeros(only, 1))
    # Four frames late; before the call nothing is loud.
    assert torch.nonzero(left[0] == 0).flatten().tolist() == [0, 1, 2, 3, 24]
    heard = left != 0
    torch.testing.assert_close(left[heard], said[heard])
    assert cache.shape == (1, 5, 8)
    torch.testing.assert_close(cache[0, 4], loud[0, 0, -8:])


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 10), st.integers(0, 2**31 - 1), st.integers(1, 2), st.booleans())
def test_chunks_and_whole_crops_agree(
    chunks: int, seed: int, differences: int, loud_only: bool
) -> None:
    mixture = _mixture(differences=differences, loud_only=loud_only)
    generator = torch.Generator().manual_seed(seed)
    bands = torch.randn(2, BANDS, 10 * chunks, generator=generator)
    loud = torch.randint(0, 2, (2, 1, 10 * chunks), generator=generator).float()
    with torch.no_grad():
        whole, end = mixture(bands, loud, _zeros(mixture, 2))
        cache, parts = _zeros(mixture, 2), []
        for start in range(0, 10 * chunks, 10):
            chunk = slice(start, start + 10)
            part, cache = mixture(bands[:, :, chunk], loud[:, :, chunk], cache)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(cache, end)


@pytest.mark.parametrize(
    "judge",
    [{"mixture": {"components": 2, "loud_only": True}}, {"frame_net": {"hidden": [6, 5]}}],
    ids=["mixtures", "frame network"],
)
def test_detector_with_frame_evidence_streams_like_whole_crops(
    judge: dict[str, dict[str, object]],
) -> None:
    config = DetectorConfig.from_dict({"mean_norm": {"enabled": True}, **judge})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(config).eval()
        pcm = 0.05 * torch.randn(2, 800 * 25)
    with torch.no_grad():
        detector.network.speech.bias.fill_(3.0)  # type: ignore[union-attr]
        without = detector.forward_features(detector.features(pcm)).score
        detector.pool.gain.fill_(20.0)
        whole = detector.forward_features(detector.features(pcm)).score
        state, scores = detector.zero_state(2), []
        for start in range(0, pcm.shape[1], 800):
            _, llr, _, state = detector(pcm[:, start : start + 800], state)
            scores.append(llr)
    assert (whole - without).abs().max() > 0.01
    torch.testing.assert_close(torch.stack(scores, dim=1), whole, atol=1e-5, rtol=0)


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="expected components >= 0, cepstra >= 1 and"):
        MixtureConfig(components=-1)

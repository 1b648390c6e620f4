"""The frame network: a network per frame, silent where nothing is loud, streaming."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.model.detector import DetectorConfig
from ringtrue.model.frame_net import FrameNet, FrameNetConfig

BANDS = 12


def _net(hidden: tuple[int, ...] = (6, 5)) -> FrameNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FrameNet(FrameNetConfig(hidden, 4), BANDS).eval()


def _zeros(net: FrameNet, batch: int = 1) -> torch.Tensor:
    return torch.zeros(batch, *net.cache_shape)


def _bands(frames: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, BANDS, frames, generator=torch.Generator().manual_seed(1))


def test_a_logit_is_that_of_the_layers_by_hand() -> None:
    net = _net()
    bands, loud = _bands(30), torch.ones(1, 1, 30)
    with torch.no_grad():
        logits, cache = net(bands, loud, _zeros(net))
        values = net.cepstra(bands, torch.zeros(1, 4, 8))[0][0, :, 20].numpy()
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    for layer in ("layers.0", "layers.1"):
        values = np.maximum(0, state[f"{layer}.weight"][:, :, 0] @ values + state[f"{layer}.bias"])
    expected = state["last.weight"][0, :, 0] @ values + state["last.bias"][0]
    assert logits.shape == (1, 30)
    assert logits.dtype == torch.float32
    assert logits[0, 20].item() == pytest.approx(expected, abs=1e-5)
    assert cache.shape == (1, 5, 8)


def test_a_frame_that_is_not_loud_says_nothing() -> None:
    net = _net()
    loud = torch.ones(1, 1, 30)
    loud[:, :, 20] = 0
    with torch.no_grad():
        logits, _ = net(_bands(30), loud, _zeros(net))
    # Four frames late; before the call nothing is loud.
    assert torch.nonzero(logits[0] == 0).flatten().tolist() == [0, 1, 2, 3, 24]


def test_standardised_layers_take_plain_values() -> None:
    values = 3 + 2 * torch.randn(1, 12, 50, generator=torch.Generator().manual_seed(2))
    for hidden in ((6, 5), ()):
        net = _net(hidden)
        mean, deviation = values.mean(dim=(0, 2)), values.std(dim=(0, 2))
        with torch.no_grad():
            expected = net.logits((values - mean[:, None]) / deviation[:, None])
            net.standardise(mean, deviation)
            torch.testing.assert_close(net.logits(values), expected, atol=1e-5, rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 2**31 - 1))
def test_any_chunking_gives_the_same(sizes: list[int], seed: int) -> None:
    net = _net()
    generator = torch.Generator().manual_seed(seed)
    bands = torch.randn(2, BANDS, sum(sizes), generator=generator)
    loud = torch.randint(0, 2, (2, 1, sum(sizes)), generator=generator).float()
    with torch.no_grad():
        whole, end = net(bands, loud, _zeros(net, 2))
        cache, parts = _zeros(net, 2), []
        for part, flags in zip(bands.split(sizes, dim=2), loud.split(sizes, dim=2), strict=True):
            logits, cache = net(part, flags, cache)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(cache, end)


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match=r"1 unit or more, got \(4, 0\)"):
        FrameNetConfig((4, 0))
    with pytest.raises(ValueError, match=r"expected frame mixtures or a frame network .* got both"):
        DetectorConfig.from_dict({"mixture": {"components": 2}, "frame_net": {"hidden": [4]}})

from __future__ import annotations

import pytest
import torch
from torch import nn

from ringtrue.training.sharpness import worst_nearby


def test_weights_climb_by_the_radius_and_come_back() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        spare = nn.Parameter(torch.ones(2))  # without a gradient
        module.register_parameter("spare", spare)
        inputs = torch.randn(8, 3)
    before = [p.clone() for p in module.parameters()]
    loss = module(inputs).square().mean()
    loss.backward()
    gradients = [p.grad.clone() for p in module.parameters() if p.grad is not None]
    with worst_nearby(module, 0.01):
        moves = [p - old for p, old in zip(module.parameters(), before, strict=True)]
        assert torch.cat([m.flatten() for m in moves]).norm().item() == pytest.approx(0.01)
        assert module(inputs).square().mean() > loss
        module(inputs).square().mean().backward()
    for parameter, old in zip(module.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
    after = [p.grad for p in module.parameters() if p.grad is not None]
    assert not any(torch.equal(a, g) for a, g in zip(after, gradients, strict=True))


def test_running_statistics_stay_and_weights_come_back_after_an_error() -> None:
    module = nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3))
    module(torch.randn(4, 2, 10)).square().mean().backward()
    before = [p.clone() for p in module.parameters()]
    mean = module[1].running_mean.clone()

    def fail() -> None:
        with worst_nearby(module, 0.1):
            module(5 + torch.randn(4, 2, 10))
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert torch.equal(module[1].running_mean, mean)
    assert module[1].momentum == 0.1
    for parameter, old in zip(module.parameters(), before, strict=True):
        assert torch.equal(parameter, old)

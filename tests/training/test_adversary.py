"""The adversary that must not learn the source."""

from __future__ import annotations

import pytest
import torch

from ringtrue.model.detector import CropOutput
from ringtrue.training.adversary import SourceAdversary


def _output(embeddings: torch.Tensor, gate: torch.Tensor) -> CropOutput:
    nothing = torch.zeros(len(embeddings), 1)
    return CropOutput(nothing, nothing, nothing, embeddings, gate)


def _adversary(sources: dict[int, int]) -> SourceAdversary:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SourceAdversary(4, sources)


def test_heads_learn_the_source_and_embeddings_are_pushed_the_other_way() -> None:
    adversary = _adversary({0: 2})
    groups = torch.tensor([0, 1] * 8)
    targets = torch.zeros(16)
    generator = torch.Generator().manual_seed(1)
    embeddings = torch.randn(16, 4, 5, generator=generator)
    embeddings[:, 0] += 4.0 * groups[:, None]
    gate = torch.ones(16, 5)
    optimizer = torch.optim.Adam(adversary.parameters(), 0.01)
    first = adversary(_output(embeddings, gate), targets, groups).item()
    assert 0.5 < first < 2.5
    for _ in range(200):
        optimizer.zero_grad()
        loss = adversary(_output(embeddings, gate), targets, groups)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    # A step down the reversed gradient makes the guess worse.
    moved = embeddings.clone().requires_grad_()
    adversary(_output(moved, gate), targets, groups).backward()
    assert moved.grad is not None
    worse = adversary(_output(embeddings - 50 * moved.grad, gate), targets, groups)
    assert worse.item() > loss.item()


def test_only_crops_of_its_classes_with_speech_count() -> None:
    adversary = _adversary({0: 3})
    embeddings = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(2)).requires_grad_()
    gate = torch.ones(3, 5)
    gate[1] = 0
    groups = torch.zeros(3, dtype=torch.int64)
    adversary(_output(embeddings, gate), torch.tensor([0.0, 0.0, 1.0]), groups).backward()
    assert embeddings.grad is not None
    used = embeddings.grad.abs().sum(dim=(1, 2)) > 0
    assert used.tolist() == [True, False, False]
    nobody = adversary(_output(embeddings, gate), torch.full((3,), -1.0), groups)
    assert nobody.item() == 0.0


def test_unknown_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected sources of classes 0 or 1, got"):
        SourceAdversary(4, {-1: 2})

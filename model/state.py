"""The packed state vector: named parts, one flat float32 tensor at the boundary."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ringtrue.model.contract import StateField


class StateLayout:
    """Packs named tensors [batch, ...] into one vector [batch, size] and back."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        fields: list[StateField] = []
        offset = 0
        for name, shape in shapes.items():
            fields.append(StateField(name, offset, shape))
            offset += math.prod(shape)
        self.fields = tuple(fields)
        self.size = offset

    def unpack(self, state: Tensor) -> list[Tensor]:
        """Parts of ``state`` [batch, size] in layout order; raises ValueError on a wrong size."""
        if state.shape[1] != self.size:
            raise ValueError(f"state: expected {self.size} values, got {state.shape[1]}")
        # One split instead of a slice per part: small nodes are a good part of a chunk's time.
        flat = torch.split(state, [math.prod(field.shape) for field in self.fields], dim=1)
        return [
            part if len(field.shape) == 1 else part.reshape(-1, *field.shape)
            for field, part in zip(self.fields, flat, strict=True)
        ]

    def pack(self, parts: list[Tensor]) -> Tensor:
        """One vector [batch, size] of ``parts`` in layout order."""
        return torch.cat([part.flatten(1) for part in parts], dim=1)

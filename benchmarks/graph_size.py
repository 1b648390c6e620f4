"""Numbers stored in an ONNX file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import onnx


def stored_floats(path: Path) -> int:
    """Floating-point constants of the graph and its sub-graphs: weights and fixed kernels alike."""
    return sum(_sizes(onnx.load(str(path)).graph))


def _sizes(graph: onnx.GraphProto) -> Iterator[int]:
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    for tensor in graph.initializer:
        if tensor.data_type in kinds:
            yield math.prod(tensor.dims)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _sizes(attribute.g)
            elif attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in kinds:
                yield math.prod(attribute.t.dims)

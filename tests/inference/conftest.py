"""Fixtures of the inference tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringtrue.inference.session import Session

from .toy_model import write_toy


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model's file."""
    return write_toy(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture(scope="session")
def toy(toy_path: Path) -> Session:
    """A session of the toy model."""
    return Session(toy_path)

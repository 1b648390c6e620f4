"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the real audio; tests that need it are skipped where it is absent."""
    folder = (ROOT / os.environ.get("RINGTRUE_CORPUS", "../shared/corpus")).resolve()
    if not (folder / "manifest.jsonl").is_file():
        pytest.skip(f"no corpus at {folder}; set RINGTRUE_CORPUS to its folder")
    return folder

"""Fixtures of the training tests."""

from __future__ import annotations

import pytest

from ringtrue.model.detector import Detector
from ringtrue.training.cache import CropCache
from tests.training.toy_frames import toy_crops, toy_detector


@pytest.fixture
def crops() -> CropCache:
    """Crops on which single frames tell the classes apart."""
    return toy_crops()


@pytest.fixture
def detector() -> Detector:
    """Untrained, and takes everything for speech."""
    return toy_detector()

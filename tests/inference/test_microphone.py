from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.microphone import microphone_blocks


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r'pip install "ringtrue\[mic\]"'):
        next(microphone_blocks())


def fake(open_stream: Callable[..., Any]) -> types.ModuleType:
    module = types.ModuleType("sounddevice")
    module.PortAudioError = type("PortAudioError", (Exception,), {})  # type: ignore[attr-defined]
    module.InputStream = open_stream  # type: ignore[attr-defined]
    return module


def test_blocks_of_100_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        def __init__(self, callback: Callable[..., None], **options: Any) -> None:
            assert options["samplerate"] == 16000
            self.callback, self.options = callback, options

        def __enter__(self) -> Stream:
            for value in (0.1, 0.2):
                shape = (self.options["blocksize"], self.options["channels"])
                self.callback(np.full(shape, value, np.float32), 0, None, None)
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setitem(sys.modules, "sounddevice", fake(Stream))
    blocks = microphone_blocks()
    first, second = next(blocks), next(blocks)
    assert first.shape == (1600, 1)
    assert (first[0, 0], second[0, 0]) == (np.float32(0.1), np.float32(0.2))


def test_no_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise module.PortAudioError("no default input device")

    module = fake(refuse)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    with pytest.raises(ValueError, match="microphone cannot be opened: no default input device"):
        next(microphone_blocks())

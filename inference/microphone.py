"""Blocks from a microphone through the optional library sounddevice."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ringtrue.inference.extras import MissingExtraError

Samples = npt.NDArray[np.float32]

RATE = 16_000
_QUEUE_BLOCKS = 600


def microphone_blocks(device: str | int | None = None) -> Iterator[Samples]:
    """Blocks [1600, 1] of 100 ms at 16 kHz until the caller stops.

    Raises:
        MissingExtraError: sounddevice or its PortAudio library is not installed.
        ValueError: no such device, or it cannot record.
    """
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise MissingExtraError("following a microphone", "mic") from None
    except OSError:
        raise MissingExtraError(
            "following a microphone", "mic", "the PortAudio library (apt install libportaudio2)"
        ) from None
    arrived: queue.Queue[Samples] = queue.Queue(_QUEUE_BLOCKS)

    def take(data: Samples, *_: Any) -> None:
        # Never block the audio thread; a listener that is a minute behind loses sound anyway.
        if not arrived.full():
            arrived.put_nowait(data.copy())

    try:
        stream = sounddevice.InputStream(
            samplerate=RATE,
            channels=1,
            dtype="float32",
            blocksize=RATE // 10,
            device=device,
            callback=take,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise ValueError(f"the microphone cannot be opened: {error}") from error
    with stream:
        while True:
            yield arrived.get()

"""Calls that were listened to, made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.listening import Listened
from ringtrue.training.callsim.truth import CallTruth, Said

POINT = OperatingPoint("cautious", 3.0, 1.5, -1.0, 1.0)
BALANCED = OperatingPoint("balanced", 2.0, 0.5, -1.0, 10.0)
INFO = ModelInfo(
    "m", "0", 8000, 800, 1, 1.0, 10.0, (POINT, BALANCED), (), "linear", "", "Apache-2.0"
)  # fmt: skip


def truth(kind: str, said: tuple[Said, ...] = (), **fields: object) -> CallTruth:
    values: dict[str, object] = {
        "call": "c", "index": 0, "kind": kind, "split": "dev", "seconds": 10.0, "prelude": "",
        "handover_at": None, "person": "p", "near": "n", "bot": "", "bot_source": "",
        "bot_system": "", "campaign": "", "delay": 0.1, "lines": {}, "said": said, "sounds": (),
    }  # fmt: skip
    return CallTruth(**{**values, **fields})  # type: ignore[arg-type]


def call(kind: str, said: tuple[Said, ...] = (), **fields: object) -> StoredCall:
    return StoredCall(Path("nowhere"), truth(kind, said, **fields))


def far(role: str, start: float, end: float) -> Said:
    return Said("far", role, "turn", start, end, ("x",))


def heard(voice: list[float], **evidence: list[float]) -> Listened:
    n = len(voice)
    return Listened(
        voice_llr=np.array(voice, np.float32),
        speech=np.ones(n, np.float32),
        speech_seconds=np.minimum(np.arange(1, n + 1) / 10, 8.0).astype(np.float32),
        near_speech=np.zeros(n, np.float32),
        evidence={k: np.array(v, np.float32) for k, v in evidence.items()},
        reasons={},
    )

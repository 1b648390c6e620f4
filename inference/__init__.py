"""How the network is used: audio reading, the ONNX session, the call monitor, bulk scoring.

Runs on numpy, onnxruntime and audio libraries only; never imports torch or ``ringtrue.training``.
The names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringtrue.inference.audio import AudioError, RawFormat, open_recording
    from ringtrue.inference.decision import Verdict
    from ringtrue.inference.evidence.default import default_streams
    from ringtrue.inference.evidence.replay import ReplayStream
    from ringtrue.inference.history import CallHistory
    from ringtrue.inference.monitor import CallMonitor
    from ringtrue.inference.picture import CallPicture, write_picture
    from ringtrue.inference.replay.bank import PromptBank
    from ringtrue.inference.score import ScoreRow, score_file, score_files
    from ringtrue.inference.session import ModelError, Session, Step

__all__ = [
    "AudioError",
    "CallHistory",
    "CallMonitor",
    "CallPicture",
    "ModelError",
    "PromptBank",
    "RawFormat",
    "ReplayStream",
    "ScoreRow",
    "Session",
    "Step",
    "Verdict",
    "default_streams",
    "open_recording",
    "score_file",
    "score_files",
    "write_picture",
]

_WHERE = {
    "AudioError": "audio",
    "CallHistory": "history",
    "CallMonitor": "monitor",
    "CallPicture": "picture",
    "ModelError": "session",
    "PromptBank": "replay.bank",
    "RawFormat": "audio",
    "ReplayStream": "evidence.replay",
    "ScoreRow": "score",
    "Session": "session",
    "Step": "session",
    "Verdict": "decision",
    "default_streams": "evidence.default",
    "open_recording": "audio",
    "score_file": "score",
    "score_files": "score",
    "write_picture": "picture",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)

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
    from ringtrue.inference.timeline import Timeline, make_timeline
    from ringtrue.inference.timeline_file import read_timeline, write_timeline
    from ringtrue.inference.trace import trace_file

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
    "Timeline",
    "Verdict",
    "default_streams",
    "make_timeline",
    "open_recording",
    "read_timeline",
    "score_file",
    "score_files",
    "trace_file",
    "write_picture",
    "write_timeline",
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
    "Timeline": "timeline",
    "Verdict": "decision",
    "make_timeline": "timeline",
    "default_streams": "evidence.default",
    "open_recording": "audio",
    "read_timeline": "timeline_file",
    "score_file": "score",
    "score_files": "score",
    "trace_file": "trace",
    "write_picture": "picture",
    "write_timeline": "timeline_file",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)

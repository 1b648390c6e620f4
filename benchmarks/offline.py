"""Speed of ``ringtrue score`` on recordings: hours of audio per minute.

python benchmarks/offline.py [MODEL] [--minutes 10] [--json FILE]

Recordings are made from the demo call in several formats, one channel each, and scored one after
the other on one thread, reading and resampling included.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import soundfile
import soxr
from common import RATE, arguments, demo_audio, show

from ringtrue.inference.score import score_file
from ringtrue.inference.session import Session

FORMATS = (
    ("WAV, mu-law, 8 kHz", "call-mulaw.wav", 8000, "ULAW"),
    ("WAV, 16 bit, 8 kHz", "call.wav", 8000, "PCM_16"),
    ("FLAC, 16 kHz", "call.flac", 16000, "PCM_16"),
    ("MP3, 44.1 kHz", "call.mp3", 44100, "MPEG_LAYER_III"),
)


def main() -> None:
    """Measure and print."""
    parser = arguments("Hours of recordings per minute.")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of each recording")
    chosen = parser.parse_args()
    session = Session(chosen.model)
    call = demo_audio(60 * chosen.minutes)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, file, rate, subtype in FORMATS:
            path = Path(folder) / file
            audio = call if rate == RATE else soxr.resample(call, RATE, rate)
            soundfile.write(path, audio, rate, subtype=subtype)
            start = time.perf_counter()
            (row,) = score_file(path, session)
            took = time.perf_counter() - start
            seconds = row.seconds or 0.0
            rows.append(
                {
                    "recording": name,
                    "audio (s)": round(seconds, 1),
                    "took (s)": took,
                    "hours per minute": seconds / took / 60,
                    "real-time factor": took / seconds,
                }
            )
    show("score, one thread", rows, chosen.json)


if __name__ == "__main__":
    main()

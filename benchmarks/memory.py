"""Resident memory of a process that follows one call.

python benchmarks/memory.py [MODEL] [--seconds 60] [--json FILE]

The process is a new interpreter that imports ``ringtrue.inference.CallMonitor`` and hears the
demo call, repeated. MB are 10**6 bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile
from common import RATE, arguments, demo_audio, show


def main() -> None:
    """Measure and print."""
    parser = arguments("Resident memory of a monitor process.")
    parser.add_argument("--seconds", type=int, default=60, help="audio to hear")
    chosen = parser.parse_args()
    child = Path(__file__).with_name("monitor_process.py")
    with tempfile.TemporaryDirectory() as folder:
        call = Path(folder) / "call.wav"
        soundfile.write(call, demo_audio(chosen.seconds), RATE, subtype="PCM_16")
        done = subprocess.run(
            [sys.executable, str(child), str(chosen.model or ""), str(call)],
            check=True,
            capture_output=True,
            text=True,
        )
    rows = [
        {"moment": moment, "resident (MB)": now, "peak (MB)": peak}
        for moment, (now, peak) in json.loads(done.stdout).items()
    ]
    show("memory of a monitor process", rows, chosen.json)


if __name__ == "__main__":
    main()

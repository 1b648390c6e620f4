"""A process that follows a call, for ``memory.py``: prints its resident memory as JSON.

Usage: monitor_process.py MODEL-or-empty WAV. Imports nothing but what a host would.
"""

import json
import sys
import wave
from pathlib import Path


def resident() -> tuple[float, float]:
    """Resident memory now and at its peak, MB (10**6 bytes)."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        now, peak = (int(lines[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
        return now / 1e6, peak / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
    return peak / 1e6, peak / 1e6


def main() -> None:
    """Import, load, follow the call at the pace the machine allows."""
    model, path = sys.argv[1:]
    report = {"python alone": resident()}

    import numpy as np

    report["with numpy"] = resident()

    from ringtrue.inference import CallMonitor

    report["with ringtrue and onnxruntime"] = resident()
    monitor = CallMonitor(model or None)
    report["with the model loaded"] = resident()
    with wave.open(path, "rb") as call:
        rate = call.getframerate()
        while block := call.readframes(rate // 10):
            monitor.push(np.frombuffer(block, np.int16), rate)
    monitor.finish()
    report[f"after {monitor.verdict.at:.0f} s of the call"] = resident()
    print(json.dumps(report))


if __name__ == "__main__":
    main()

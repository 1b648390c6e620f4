"""Time of ``ringtrue campaigns`` over the number of calls.

python benchmarks/campaigns.py PATHS... [--counts 250,500,1000] [--jobs 2] [--cache FOLDER]
                               [--channel left] [--json FILE]

Hears the recordings once, then looks for campaigns among the first N of them, for every N. The
last row's ``growth`` is the exponent of the time of comparing over the number of calls, between
the first and the last N: 1 is linear, 2 quadratic. With a cache that is full, ``hearing`` is 0.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from common import show

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.collect import collect
from ringtrue.inference.replay.campaigns import find_campaigns
from ringtrue.inference.replay.listened import Listener, stretches


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description="Time of campaigns over the number of calls.")
    parser.add_argument("paths", nargs="+", help="recordings and folders")
    parser.add_argument("--counts", default="250,500,1000", help="calls to compare")
    parser.add_argument("--jobs", type=int, default=2, help="processes that hear recordings")
    parser.add_argument("--channel", type=ChannelChoice, default=ChannelChoice.LEFT)
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep fingerprints here")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    counts = sorted(int(n) for n in chosen.counts.split(","))
    names = collect(chosen.paths)[: counts[-1]]
    if len(names) < counts[-1]:
        raise SystemExit(f"expected {counts[-1]} recordings, got {len(names)}")
    with tempfile.TemporaryDirectory() as folder:
        listener = Listener(chosen.cache or Path(folder), channel=chosen.channel)
        before = time.perf_counter()
        heard = list(listener.listen(names, chosen.jobs))
        hearing = time.perf_counter() - before
        rows: list[dict[str, Any]] = []
        for count in counts:
            part = heard[:count]
            pieces = list(stretches(part))
            before = time.process_time()
            found = find_campaigns(pieces)
            rows.append(
                {
                    "calls": count,
                    "hours": sum(r.seconds for r in part) / 3600,
                    "hearing (s)": hearing * count / len(names),
                    "stretches": len(pieces),
                    "comparing (CPU s)": time.process_time() - before,
                    "campaigns": len(found),
                    "calls in them": sum(len(c.paths) for c in found),
                    "growth": None,
                }
            )
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        times = last["comparing (CPU s)"] / first["comparing (CPU s)"]
        last["growth"] = math.log(times) / math.log(last["calls"] / first["calls"])
    show("Campaigns, time over the number of calls", rows, chosen.json)


if __name__ == "__main__":
    main()

"""Live calls at once on one service: how far the verdicts are behind the audio.

python benchmarks/serve.py [MODEL] [--calls 100] [--seconds 60] [--hostile 10] [--json FILE]

Starts ``ringtrue serve`` on the loopback address and lets clients speak to it at the pace of a
call, 20 ms of mu-law per message. A verdict rests on the audio up to its ``at``; ``behind`` is the
time from sending the last message of that audio to the arrival of the verdict, measured in the
client. With ``--hostile`` the same is measured again beside clients that are silent, slow, send
too much or garbage (``hostile_clients.py``). Clients and service share the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from common import RATE, arguments, demo_audio, show
from websockets.asyncio.client import connect

FRAME = 160
PACE = 0.02
CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """What the clients saw."""

    behind: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    finals: int = 0
    failed: int = 0


def mulaw(samples: np.ndarray) -> bytes:
    """mu-law (ITU-T G.711) of float samples −1…1."""
    value = np.clip(np.abs(samples) * 32768, 0, 32635).astype(np.int64) + 132
    exponent = np.floor(np.log2(value)).astype(np.int64) - 7
    mantissa = (value >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    return (~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8).tobytes()


async def caller(
    port: int, data: bytes, begin: float, seconds: float, interval: int, out: Measured
) -> None:
    """One call at its pace."""
    start = {"type": "start", "encoding": "mulaw", "sample_rate": RATE, "interval_ms": interval}
    sent: list[float] = []
    url = f"ws://127.0.0.1:{port}/v1/calls"
    async with connect(url, compression=None, ping_interval=None, open_timeout=30) as ws:
        await ws.send(json.dumps(start))

        async def listen() -> None:
            async for text in ws:
                now = time.perf_counter()
                event = json.loads(text)
                if event["type"] == "verdict":
                    frame = round(event["at"] / PACE) - 1
                    out.behind.append(1000 * (now - sent[frame]))
                out.finals += event["type"] == "final"

        listening = asyncio.create_task(listen())
        for number in range(int(seconds / PACE)):
            due = begin + number * PACE
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            position = number * FRAME % (len(data) - FRAME)
            sent.append(time.perf_counter())
            out.late.append(1000 * (sent[-1] - due))
            await ws.send(data[position : position + FRAME])
        await ws.send('{"type": "stop"}')
        await asyncio.wait_for(listening, 30)


async def callers(port: int, calls: int, seconds: float, interval: int) -> Measured:
    """All calls, beginning within the first second at phases of their own."""
    out = Measured()
    data = mulaw(demo_audio(31))
    shuffle = random.Random(1)
    begin = time.perf_counter() + 1.0
    tasks = [
        caller(
            port,
            data[(i * 1711) % 8000 :] + data,
            begin + shuffle.random(),
            seconds,
            interval,
            out,
        )
        for i in range(calls)
    ]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    for error in done:
        if isinstance(error, BaseException):
            out.failed += 1
            print(f"a call failed: {error!r}", file=sys.stderr)
    return out


def cpu_seconds(pid: int) -> float | None:
    """CPU time of a process, where Linux tells it."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.is_file():
        return None
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def resident(pid: int) -> float | None:
    """Resident memory in MB (10**6 bytes)."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return None
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def measure(chosen: object, hostile: int) -> dict[str, object]:
    """One run of the service."""
    command = [sys.executable, "-m", "ringtrue.inference.cli", "serve", "--port", "0", "--quiet"]
    command += ["--audiosocket", "0", "--max-calls", str(chosen.calls + 50)]  # type: ignore[attr-defined]
    if chosen.model is not None:  # type: ignore[attr-defined]
        command += ["--model", str(chosen.model)]  # type: ignore[attr-defined]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        try:
            port = int(service.stderr.readline().split("127.0.0.1:")[1].split()[0])
            tcp = int(service.stderr.readline().split()[-1])
            attack = None
            if hostile:
                script = Path(__file__).with_name("hostile_clients.py")
                length = str(chosen.seconds + 2)  # type: ignore[attr-defined]
                attack = subprocess.Popen(
                    [sys.executable, str(script), str(port), str(tcp), str(hostile), length]
                )
            before, began = cpu_seconds(service.pid), time.perf_counter()
            seen = asyncio.run(
                callers(port, chosen.calls, chosen.seconds, chosen.interval_ms)  # type: ignore[attr-defined]
            )
            after, took = cpu_seconds(service.pid), time.perf_counter() - began
            memory = resident(service.pid)
            if attack is not None:
                attack.wait(60)
        finally:
            service.terminate()
            service.stderr.close()
            service.wait(30)
    p50, p99 = np.percentile(seen.behind, [50, 99]) if seen.behind else (None, None)
    cpu = None if before is None or after is None else 100 * (after - before) / took
    return {
        "hostile clients": hostile,
        "calls": chosen.calls,  # type: ignore[attr-defined]
        "calls finished": seen.finals,
        "verdicts": len(seen.behind),
        "behind p50 (ms)": p50,
        "behind p99 (ms)": p99,
        "worst (ms)": max(seen.behind, default=None),
        "clients late p99 (ms)": float(np.percentile(seen.late, 99)) if seen.late else None,
        "service CPU (%)": cpu,
        "peak (MB)": memory,
    }


def main() -> None:
    """Measure and print."""
    parser = arguments("Live calls at once.")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each call")
    parser.add_argument("--hostile", type=int, default=10, help="0 leaves that run out")
    parser.add_argument("--interval-ms", type=int, default=500, help="between verdicts of a call")
    chosen = parser.parse_args()
    rows = [measure(chosen, hostile) for hostile in dict.fromkeys((0, chosen.hostile))]
    show("live calls on one service", rows, chosen.json)


if __name__ == "__main__":
    main()

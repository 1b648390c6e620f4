"""What the benchmarks share: the call that is measured, percentiles, tables, JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import soundfile

Samples = npt.NDArray[np.float32]
RATE = 8000


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "model", nargs="?", type=Path, help="ONNX file; otherwise the released model"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser


def demo_audio(seconds: float) -> Samples:
    """The shipped demo call, repeated to ``seconds``; [n] float32 at 8 kHz."""
    with as_file(files("ringtrue.inference.assets") / "demo_call.flac") as path:
        call, rate = soundfile.read(path, dtype="float32")
    if rate != RATE:
        raise ValueError(f"expected the demo call at {RATE} Hz, got {rate} Hz")
    out: Samples = np.resize(call, round(seconds * RATE))
    return out


@dataclass(frozen=True)
class Spread:
    """Median, 95 % and 99 % of timings, ms."""

    median: float
    p95: float
    p99: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Spread:
        """Percentiles of at least one timing."""
        if not milliseconds:
            raise ValueError("expected at least one timing, got none")
        return cls(*(float(v) for v in np.percentile(milliseconds, [50, 95, 99])))


def machine() -> dict[str, str | int | None]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def show(title: str, rows: Sequence[Mapping[str, Any]], path: Path | None) -> None:
    """Print rows as a table and write them with the machine to ``path`` if given."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    about = machine()
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for name in rows[0]:
        table.add_column(
            name,
            justify="left" if isinstance(rows[0][name], str) else "right",
            no_wrap=True,
        )
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    # Figures are not to be cut off where the output is no terminal, or a narrow one.
    console = Console(width=max(132, Console(width=1000).measure(table).maximum))
    console.print(table)
    console.print(
        f"{about['processor']}, {about['cores']} cores; Python {about['python']}, "
        f"onnxruntime {about['onnxruntime']}",
        highlight=False,
    )
    if path is not None:
        document = {"title": title, "machine": about, "rows": list(rows)}
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 0.1 else f"{value:,.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)

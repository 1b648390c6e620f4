"""What importing and running the inference side loads, in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ringtrue import inference

HEAVY = (
    "torch", "torchaudio", "librosa", "sklearn", "scipy", "pandas", "matplotlib", "onnx",
    "numba", "ringtrue.training", "sounddevice",
)  # fmt: skip


def loaded(code: str) -> set[str]:
    """Modules of a fresh process after ``code``."""
    program = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_package_alone_loads_next_to_nothing() -> None:
    modules = loaded("import ringtrue.inference")
    assert not modules & {*HEAVY, "numpy", "onnxruntime", "soundfile", "av", "rich", "typer"}


@pytest.mark.parametrize(
    "code",
    [
        "from ringtrue.inference import *",
        "import ringtrue.inference.cli",
        "from ringtrue.inference.cli import main; main(['--help'])",
    ],
)
def test_nothing_heavy(code: str) -> None:
    assert not loaded(code) & set(HEAVY)


def test_a_followed_call_stays_light(toy_path: Path) -> None:
    modules = loaded(
        "import numpy as np\n"
        "from ringtrue.inference import CallMonitor\n"
        f"CallMonitor({str(toy_path)!r}).push(np.zeros(48000, np.int16), 48000)"
    )
    assert not modules & {*HEAVY, "av", "rich", "typer"}


def test_public_names() -> None:
    for name in inference.__all__:
        assert getattr(inference, name).__name__ == name
    assert not hasattr(inference, "nothing")

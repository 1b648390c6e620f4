"""Makes the synthetic bot call that ``ringtrue demo`` plays.

Only the far end is spoken: a polite outbound script with pauses where the called person would
answer. The engine, Flite (Black and Lenzo, 2001; Debian package ``flite``, BSD-like licence),
carries its voices in the package and is not a dependency of ringtrue::

    apt-get install flite
    python -m ringtrue.training.demo_call inference/assets/demo_call.flac
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import typer

from ringtrue.model.contract import SAMPLE_RATE

Samples = npt.NDArray[np.float32]
Speak = Callable[[str], Samples]

VOICE = "slt"
"""CMU's US English female voice, statistical parametric (CLUSTERGEN)."""
ENGINE_RATE = 16000
"""Hz of that voice."""
PEAK = 0.5
"""Largest sample of the call; the simulated line sets the level afterwards."""


@dataclass(frozen=True)
class Turn:
    """One utterance of the bot.

    Attributes:
        text: what it says.
        pause: s of silence after it, while the called person speaks.
    """

    text: str
    pause: float


ANSWERED = 0.8
"""Seconds between the start of the call and the first word."""

SCRIPT = (
    Turn("Hello! This is Emily, from Northbrook Home Services. How are you doing today?", 1.5),
    Turn(
        "That is wonderful to hear. I am calling because your address qualifies for our new "
        "energy saving program.",
        1.3,
    ),
    Turn("No, no, I am a real person! I am sitting right here at my desk.", 1.2),
    Turn("So, a specialist could visit you on Thursday, at half past three?", 1.4),
    Turn("Thank you so much for your time. Have a lovely day!", 0.5),
)


def compose_call(speak: Speak, rate: int, script: Sequence[Turn] = SCRIPT) -> Samples:
    """The far end of the call, [n] float32 at 8,000 Hz, peak ``PEAK``.

    Args:
        speak: text to speech, [n] float32 at ``rate``.
        rate: Hz of ``speak``.
        script: what is said.

    Raises:
        ValueError: nothing to say, or the engine was silent.
    """
    parts = [np.zeros(round(ANSWERED * SAMPLE_RATE), np.float32)]
    for turn in script:
        spoken: Samples = soxr.resample(speak(turn.text), rate, SAMPLE_RATE, quality="VHQ")
        parts += [spoken, np.zeros(round(turn.pause * SAMPLE_RATE), np.float32)]
    call = np.concatenate(parts).astype(np.float32)
    peak = float(np.abs(call).max(initial=0.0))
    if peak == 0.0:
        raise ValueError(f"expected speech for {len(script)} turns, got silence")
    return call * np.float32(PEAK / peak)


def flite_voice(text: str) -> Samples:
    """``text`` spoken by the voice :data:`VOICE`, [n] float32 at :data:`ENGINE_RATE`.

    Raises:
        FileNotFoundError: Flite is not installed; the text says how to install it.
        ValueError: Flite failed.
    """
    program = shutil.which("flite")
    if program is None:
        raise FileNotFoundError(
            "the demo call needs a speech synthesizer: apt-get install flite (2.2)"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.wav"
        done = subprocess.run(
            [program, "-voice", VOICE, "-t", text, "-o", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not path.exists():
            raise ValueError(f"flite failed with code {done.returncode}: {done.stderr.strip()}")
        samples, rate = soundfile.read(path, dtype="float32")
    if rate != ENGINE_RATE:
        raise ValueError(f"expected the voice {VOICE} at {ENGINE_RATE} Hz, got {rate} Hz")
    return np.asarray(samples, np.float32)


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT.flac", dir_okay=False)],
) -> None:
    """Write the demo call as FLAC, 8 kHz, 16 bit, mono."""
    call = compose_call(flite_voice, ENGINE_RATE)
    soundfile.write(out, call, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    typer.echo(f"{out}: {call.size / SAMPLE_RATE:.1f} s, {out.stat().st_size} bytes")


if __name__ == "__main__":
    typer.run(main)

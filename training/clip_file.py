"""Writing the audio of a clip as manifests of this project name it."""

from __future__ import annotations

from pathlib import Path

import soundfile

from ringtrue.training.channel.base import SAMPLE_RATE, Samples


def write_clip(path: Path, samples: Samples) -> float:
    """Write FLAC through a temporary name, so that a stopped run leaves no half file.

    Args:
        path: of the file; its folder is made if needed.
        samples: [n] float32, mono 8 kHz.

    Returns:
        Its length in s.

    Raises:
        OSError: it cannot be written, for example on a full disk; the message names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        soundfile.write(partial, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        partial.replace(path)
    except RuntimeError as error:  # of libsndfile
        raise OSError(f"{path}: cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return len(samples) / SAMPLE_RATE

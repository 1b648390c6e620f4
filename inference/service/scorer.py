"""The process that scores: one job per line of standard input, one answer per line of output.

``python -m ringtrue.inference.service.scorer [MODEL]``
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ringtrue.inference.audio import AudioError, RawFormat
from ringtrue.inference.rows import row_values
from ringtrue.inference.score import score_file
from ringtrue.inference.session import Session

NICENESS = 10
"""Live calls go first."""


def answer(line: str, session: Session) -> dict[str, Any]:
    """The rows, or the error, of one job."""
    try:
        job = json.loads(line)
        raw = None if job["raw"] is None else RawFormat(*job["raw"])
        rows = score_file(
            job["path"],
            session,
            channel=job["channel"],
            operating_point=job["operating_point"],
            raw=raw,
        )
        return {"rows": [row_values(row) for row in rows]}
    except AudioError as error:
        return {"kind": "recording", "error": error.problem}
    # Whatever a decoder does to one odd file, the next is still to be scored.
    except Exception as error:
        return {"kind": "recording", "error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Serve until standard input ends."""
    # Libraries that print must not disturb the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    session = Session(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    for line in sys.stdin:
        out.write(json.dumps(answer(line, session)) + "\n")
        out.flush()


if __name__ == "__main__":
    main()

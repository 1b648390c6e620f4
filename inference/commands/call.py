"""What ``watch`` and ``demo`` share: follow a call, sum up, draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from ringtrue.inference.channels import ChannelPick
from ringtrue.inference.commands.view import make_view
from ringtrue.inference.evidence.default import AllStreams
from ringtrue.inference.follow import Line, follow
from ringtrue.inference.history import CallHistory
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.picture import CallPicture, write_picture
from ringtrue.inference.session import Session

Samples = npt.NDArray[np.float32]


class FollowedCall:
    """A call on its way through the monitors and onto the screen.

    Args:
        title: name of the call on screen and picture.
        picks: channels to follow.
        session: the model.
        operating_point: name of the thresholds.
        console: where to show it.
        streams: makes the evidence besides the voice, per channel; None for the voice alone.
        near: the near end's channel, which the evidence may listen to.
    """

    def __init__(
        self,
        title: str,
        picks: Sequence[ChannelPick],
        session: Session,
        operating_point: str,
        console: Console,
        streams: AllStreams | None = None,
        near: ChannelPick | None = None,
    ) -> None:
        self.title = title
        self.info = session.info
        self._console = console
        self._histories = [CallHistory() for _ in picks]
        self.lines = [
            Line(
                pick,
                CallMonitor(
                    session,
                    operating_point,
                    history=history,
                    streams=() if streams is None else streams(),
                ),
                near,
            )
            for pick, history in zip(picks, self._histories, strict=True)
        ]
        self.point = self.lines[0].monitor.point

    def run(self, blocks: Iterable[Samples], sample_rate: int, speed: float) -> bool:
        """Follow ``blocks`` [frames, channels] to the end; False when Ctrl-C ended it."""
        try:
            with make_view(self._console, self.title, self.lines, self.point) as view:
                for _ in follow(blocks, sample_rate, self.lines, speed):
                    view.update()
        except KeyboardInterrupt:
            return False
        return True

    def summary(self) -> list[str]:
        """One line per channel."""
        texts = []
        for line in self.lines:
            monitor, verdict = line.monitor, line.monitor.verdict
            name = self.title if line.pick.name == "mono" else f"{self.title} ({line.pick.name})"
            flagged = monitor.flagged_at
            texts.append(
                f"{name}: {verdict.verdict} at the end, "
                + (f"flagged at {flagged:.1f} s" if flagged is not None else "not flagged")
                + f"; p(robot) {verdict.p_robot:.3f}; "
                f"{monitor.heard_speech_seconds:.1f} s of speech in {verdict.at:.1f} s"
            )
        return texts

    def flag_reasons(self) -> list[str]:
        """What was said when each flagged channel was first flagged."""
        texts = []
        for line, history in zip(self.lines, self._histories, strict=True):
            if (flag := history.first_flag) is not None:
                name = "" if line.pick.name == "mono" else f"{line.pick.name}: "
                words = "; ".join(flag.reasons)
                texts.append(f"{name}flagged {flag.at:.1f} s into the call, because of {words}")
        return texts

    def draw(self, path: Path) -> Path:
        """Write the picture of the call."""
        subtitle = (
            f"{self.info.model_name} {self.info.model_version}, operating point {self.point.name}"
        )
        names = [line.pick.name for line in self.lines]
        calls = list(zip(names, self._histories, strict=True))
        return write_picture(CallPicture(self.title, calls, self.point, subtitle), path)

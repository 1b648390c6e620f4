"""Which channel of a recording is scored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class ChannelChoice(StrEnum):
    """What the user asks for; ``both`` scores left and right apart."""

    LEFT = "left"
    RIGHT = "right"
    MIX = "mix"
    BOTH = "both"


@dataclass(frozen=True)
class ChannelPick:
    """One channel to score.

    Attributes:
        name: ``mono``, ``left``, ``right`` or ``mix``.
        index: column of the block, or None for the mean of all columns.
    """

    name: str
    index: int | None

    def take(self, block: Samples) -> Samples:
        """Samples [frames] of this channel from a block [frames, channels]."""
        if self.index is None:
            mean: Samples = block.mean(axis=1, dtype=np.float32)
            return mean
        return block[:, self.index]


def pick_channels(channels: int, choice: ChannelChoice | str) -> tuple[ChannelPick, ...]:
    """The channels to score of a recording with ``channels`` channels.

    A one-channel recording gives its channel as ``mono`` for every choice but ``right``. Of a
    recording with more than two channels, left is the first and right the second; ``mix`` is the
    mean of all.

    Raises:
        ValueError: an unknown choice, or ``right`` of a one-channel recording.
    """
    try:
        choice = ChannelChoice(choice)
    except ValueError:
        raise ValueError(
            f"expected channel left, right, mix or both, got {str(choice)!r}"
        ) from None
    if channels < 1:
        raise ValueError(f"expected at least one channel, got {channels}")
    if channels == 1:
        if choice is ChannelChoice.RIGHT:
            raise ValueError("channel right was asked for, but there is only one channel")
        return (ChannelPick("mono", 0),)
    left, right = ChannelPick("left", 0), ChannelPick("right", 1)
    return {
        ChannelChoice.LEFT: (left,),
        ChannelChoice.RIGHT: (right,),
        ChannelChoice.MIX: (ChannelPick("mix", None),),
        ChannelChoice.BOTH: (left, right),
    }[choice]

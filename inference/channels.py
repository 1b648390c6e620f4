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


def check_far(
    far: ChannelChoice | str | None, channel: ChannelChoice | str | None
) -> ChannelChoice | None:
    """The far end's channel as it was named, if it is a side that ``channel`` does not leave out.

    Raises:
        ValueError: ``far`` is neither left nor right, or contradicts ``channel``.
    """
    if far is None:
        return None
    if far not in (ChannelChoice.LEFT, ChannelChoice.RIGHT):
        raise ValueError(f"expected the far end on left or right, got {str(far)!r}")
    if channel not in (None, ChannelChoice.BOTH, far):
        raise ValueError(
            f"the far end is on the {far} channel; expected channel {far} or both with it, "
            f"got {str(channel)!r}"
        )
    return ChannelChoice(far)


def pick_parties(
    channels: int, channel: ChannelChoice | str | None, far: ChannelChoice | None
) -> tuple[ChannelPick, ...]:
    """The channels to score where the far end may be named.

    Args:
        channels: of the recording. One channel is scored as it is, wherever the far end is in
            others.
        channel: the channels asked for; None means both, or the far end where ``far`` names it.
        far: ``left`` or ``right``, the channel that holds the far end.

    Raises:
        ValueError: the recording lacks the channel.
    """
    if far is None:
        return pick_channels(channels, ChannelChoice.BOTH if channel is None else channel)
    return pick_channels(channels, ChannelChoice.BOTH if channels == 1 else channel or far)


def near_channel(channels: int, far: ChannelChoice | None) -> ChannelPick | None:
    """The channel beside the far end's; None without one, or where ``far`` does not name it."""
    if far is None or channels == 1:
        return None
    left = far is ChannelChoice.RIGHT
    return pick_channels(channels, ChannelChoice.LEFT if left else ChannelChoice.RIGHT)[0]

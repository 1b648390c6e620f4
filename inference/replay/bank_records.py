"""What a prompt bank tells: prompts, matches, and what adding did."""

from __future__ import annotations

from dataclasses import dataclass

from ringtrue.inference.replay.prompt import Prompt


@dataclass(frozen=True)
class PromptInfo:
    """What the bank knows of a prompt.

    Attributes:
        name: 12 hexadecimal digits.
        seconds: length in s.
        is_evidence: False for material such as announcements and hold music that says nothing
            about the caller.
        label: what the user calls it; often empty.
        first_seen: ISO date of the first call with it.
        last_seen: ISO date of the last.
        calls: number of calls it was heard in.
    """

    name: str
    seconds: float
    is_evidence: bool
    label: str
    first_seen: str
    last_seen: str
    calls: int


@dataclass(frozen=True)
class BankMatch:
    """A prompt of the bank that was heard.

    Attributes:
        number: of the prompt in this bank's file.
        prompt: which one.
        start: s of the query at which the match begins.
        stop: s at which it ends.
        score: how sure it is; see ``likelihood.bank_score``.
    """

    number: int
    prompt: PromptInfo
    start: float
    stop: float
    score: float


@dataclass(frozen=True)
class Stored:
    """A prompt with its data, as it is exported."""

    info: PromptInfo
    key: bytes
    prompt: Prompt
    heard: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Added:
    """What adding a call did: prompts that are new, and known ones that were heard again."""

    new: int
    known: int

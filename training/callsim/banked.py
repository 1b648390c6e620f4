"""Replay evidence with a prompt bank that remembers the bots of earlier calls.

The calls of a set are heard in their order, as by one handset or operator. After a bot's call its
prompts are added to the set's bank, as by somebody who reports it; people's calls are never added.
A person's clips can come again in other simulated calls, which a person's words never do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from ringtrue.inference.evidence.replay import SPEECH_THRESHOLD, ReplayStream
from ringtrue.inference.replay.bank import PromptBank
from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.replay.segments import segments
from ringtrue.model.contract import CHUNK_SAMPLES
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.listening import Listened, chunks_of
from ringtrue.training.callsim.truth import CallTruth


def through_bank(
    heard: Iterable[tuple[StoredCall, Listened]],
) -> Iterator[tuple[StoredCall, Listened]]:
    """Each call with the replay evidence of a monitor that has its set's bank.

    Args:
        heard: calls of one or several sets, in the order in which they come in.

    Raises:
        ValueError: audio cannot be read.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringtrue-bank-")))
        banks: dict[Path, PromptBank] = {}
        for call, listened in heard:
            if call.folder not in banks:
                path = folder / f"{len(banks)}.db"
                banks[call.folder] = stack.enter_context(PromptBank(path, create=True))
            bank = banks[call.folder]
            audio = call.audio()
            stream = ReplayStream(bank)
            chunks = chunks_of(audio, listened.speech, listened.near_speech, CHUNK_SAMPLES)
            track = np.array([stream.push(chunk).capped for chunk in chunks], np.float32)
            yield call, replace(listened, evidence={**listened.evidence, "replay": track})
            until = bot_chunks(call.truth, len(listened.speech))
            if until:
                far = np.ascontiguousarray(audio[: until * CHUNK_SAMPLES, 0])
                speech = listened.speech[:until] >= SPEECH_THRESHOLD
                bank.add_call(segments(fingerprint(far), speech), call.truth.call)


def bot_chunks(truth: CallTruth, chunks: int) -> int:
    """Of the ``chunks`` of a call, those before a person spoke; 0 where no bot called."""
    if not truth.bot:
        return 0
    begins = truth.person_from
    return chunks if begins is None else min(chunks, int(begins * 10))

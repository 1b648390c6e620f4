from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from ringtrue.inference.replay.bank import PromptBank
from ringtrue.inference.replay.bank_copy import BankCopy
from ringtrue.inference.replay.bank_file import APPLICATION_ID, SCHEMA_VERSION, BankError
from ringtrue.inference.replay.bank_records import BankMatch, PromptInfo
from ringtrue.inference.replay.bank_rows import BankRows
from ringtrue.inference.replay.exchange import read_prompts, write_prompts
from ringtrue.inference.replay.fingerprint import Fingerprint, fingerprint
from ringtrue.inference.replay.likelihood import BANK_BAR
from ringtrue.inference.replay.prompt import Prompt

from .voices import silence, through_mu_law, voice

VOICES = [voice(100 + i, 3.0) for i in range(4)]
HEARD = [fingerprint(v) for v in VOICES]
AGAIN = [
    fingerprint(np.concatenate([silence(0.31), through_mu_law(v, 0.2, i), silence(0.5)]))
    for i, v in enumerate(VOICES)
]
DAY = date(2026, 11, 2)


def stretches(*numbers: int) -> list[tuple[float, Fingerprint]]:
    return [(10.0 * i, HEARD[i]) for i in numbers]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "prompts.bank"


@pytest.fixture
def bank(path: Path) -> PromptBank:
    return PromptBank(path, create=True)


def test_a_lookup_while_the_bank_is_read_anew_sees_all_of_the_old(bank: PromptBank) -> None:
    bank.add_call(stretches(0, 1), "monday", DAY)
    copy = BankCopy()
    copy.read(bank._rows)
    found: list[list[BankMatch]] = []

    class Emptied:
        def infos(self) -> dict[int, PromptInfo]:
            return {}

        def prompts(self) -> Iterator[tuple[bytes, list[int], list[Prompt]]]:
            found.append(copy.search(AGAIN[0], BANK_BAR))
            return iter(())

    copy.read(cast(BankRows, Emptied()))
    assert [match.prompt.first_seen for match in found[0]] == ["2026-11-02"]
    assert copy.search(AGAIN[0], BANK_BAR) == []


def test_what_was_added_is_found_through_another_line(bank: PromptBank) -> None:
    added = bank.add_call(stretches(0, 1, 2), "monday", DAY)
    assert (added.new, added.known, len(bank)) == (3, 0, 3)
    for number in range(3):
        (match,) = bank.lookup(AGAIN[number])
        assert match.start == pytest.approx(0.31, abs=0.4)
        assert match.stop == pytest.approx(3.31, abs=0.4)
        assert (match.prompt.calls, match.prompt.first_seen) == (1, "2026-11-02")
    assert bank.lookup(AGAIN[3]) == []


def test_calls_are_counted_once_each(bank: PromptBank) -> None:
    bank.add_call(stretches(0), "monday", DAY)
    assert bank.add_call(stretches(0), "monday", DAY).known == 1
    assert bank.list()[0].calls == 1
    added = bank.add_call([(3.0, AGAIN[0])], "sunday", date(2026, 11, 1))
    assert (added.new, added.known) == (0, 1)
    (info,) = bank.list()
    assert (info.calls, info.first_seen, info.last_seen) == (2, "2026-11-01", "2026-11-02")
    (match,) = bank.lookup(AGAIN[0])
    assert match.prompt == info


def test_a_clip_repeated_in_one_call_is_one_prompt(bank: PromptBank) -> None:
    added = bank.add_call([(0.0, HEARD[0]), (9.0, AGAIN[0])], "monday", DAY)
    assert (added.new, added.known, len(bank)) == (1, 1, 1)


def test_many_additions_are_found_without_reading_anew(bank: PromptBank) -> None:
    numbers = list(range(20))
    for number in numbers:
        bank.add_call([(0.0, fingerprint(voice(500 + number, 2.0)))], f"call {number}", DAY)
    assert len(bank) == 20
    for number in (0, 7, 19):
        heard = fingerprint(through_mu_law(voice(500 + number, 2.0), 0.5, number))
        assert len(bank.lookup(heard)) == 1


def test_short_and_silent_stretches_are_left_out(bank: PromptBank) -> None:
    short = [(0.0, HEARD[0].cut(0, 100)), (5.0, fingerprint(silence(3.0)))]
    assert bank.add_call(short, "monday").new == 0
    with pytest.raises(ValueError, match="name for the call"):
        bank.add_call(stretches(0), "")


def test_others_see_it_after_refresh_and_while_writing(bank: PromptBank, path: Path) -> None:
    reader = PromptBank(path)
    assert reader.lookup(AGAIN[0]) == []
    bank.add_call(stretches(0), "monday", DAY)
    reader.refresh()
    assert len(reader.lookup(AGAIN[0])) == 1
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM prompts")
    assert len(reader) == 1  # not yet
    writer.execute("ROLLBACK")
    writer.close()


def test_a_crash_while_writing_leaves_the_bank_as_it_was(bank: PromptBank, path: Path) -> None:
    bank.add_call(stretches(0), "monday", DAY)

    class Broken(Fingerprint):
        @property
        def seconds(self) -> float:
            raise RuntimeError("power cut")

    bad = Broken(HEARD[1].frames, HEARD[1].codes, HEARD[1].shape)
    with pytest.raises(RuntimeError, match="power cut"):
        bank.add_call([(0.0, HEARD[2]), (5.0, bad)], "tuesday", DAY)
    assert [info.calls for info in bank.list()] == [1]
    assert bank.lookup(AGAIN[2]) == []
    assert len(bank.lookup(AGAIN[0])) == 1
    with PromptBank(path) as other:
        other.check()


def test_the_limit_forgets_what_was_not_heard_for_longest(bank: PromptBank) -> None:
    bank.add_call(stretches(0), "hold", date(2026, 1, 1), is_evidence=False, label="carrier")
    bank.add_call(stretches(1), "old", date(2026, 2, 1))
    bank.add_call(stretches(2), "new", date(2026, 3, 1))
    assert bank.max_prompts == 10_000
    assert len(bank.lookup(AGAIN[1])) == 1
    assert bank.set_max_prompts(2) == 1
    assert bank.lookup(AGAIN[1]) == []
    assert {i.last_seen for i in bank.list()} == {"2026-01-01", "2026-03-01"}
    bank.add_call(stretches(3), "newest", date(2026, 4, 1))
    assert {i.last_seen for i in bank.list()} == {"2026-01-01", "2026-04-01"}
    assert bank.lookup(AGAIN[2]) == []
    with pytest.raises(ValueError, match="at least 1"):
        bank.set_max_prompts(0)


def test_known_prompts_can_be_ruled_out_later(bank: PromptBank) -> None:
    bank.add_call(stretches(0), "monday", DAY)
    bank.add_call([(0.0, AGAIN[0])], "announcement", DAY, is_evidence=False, label="carrier")
    (info,) = bank.list()
    assert (info.is_evidence, info.label, info.calls) == (False, "carrier", 2)


def test_the_digest_is_of_what_lookups_tell(bank: PromptBank, tmp_path: Path) -> None:
    digests = [bank.digest]
    bank.add_call(stretches(0), "monday", DAY)
    digests.append(bank.digest)
    bank.add_call([(5.0, AGAIN[0])], "tuesday", DAY)
    digests.append(bank.digest)
    bank.add_call(stretches(0), "wednesday", DAY, is_evidence=False, label="carrier")
    digests.append(bank.digest)
    assert len(set(digests)) == 4
    # Another order of coming is the same content.
    bank.add_call(stretches(1), "thursday", DAY)
    other = PromptBank(tmp_path / "other.bank", create=True)
    other.take_in(iter([*bank.stored()][::-1]))
    assert other.digest == bank.digest


def test_forget(bank: PromptBank, path: Path) -> None:
    bank.add_call(stretches(0, 1), "monday", DAY)
    bank.add_call(stretches(1, 2), "tuesday", date(2026, 11, 3))
    assert bank.forget(call="monday") == 1  # the second was heard on Tuesday too
    assert [i.calls for i in bank.list()] == [1, 1]
    (match,) = bank.lookup(AGAIN[2])
    assert bank.forget(prompt=match.prompt.name[:6]) == 1
    assert bank.lookup(AGAIN[2]) == []
    assert bank.forget(before=date.max) == 1
    assert len(bank) == 0
    with pytest.raises(ValueError, match="exactly one"):
        bank.forget()
    with pytest.raises(ValueError, match="exactly one"):
        bank.forget(call="x", before=DAY)


def test_what_is_forgotten_is_gone_from_the_file(bank: PromptBank, path: Path) -> None:
    bank.add_call(stretches(0), "secret-call-name", DAY)
    bank.forget(before=date.max)
    bank.close()
    left = b"".join(p.read_bytes() for p in path.parent.iterdir())
    assert b"secret-call-name" not in left


def test_no_audio_and_no_plain_landmarks_are_kept(bank: PromptBank, path: Path) -> None:
    bank.add_call(stretches(0), "monday", DAY)
    (stored,) = bank.stored()
    assert set(stored.prompt.hashes.tolist()).isdisjoint(HEARD[0].codes.tolist())
    # 3 s of telephone audio are 24,000 bytes.
    assert len(stored.prompt.to_bytes()) < 6000


def test_export_and_import(bank: PromptBank, path: Path, tmp_path: Path) -> None:
    bank.add_call(stretches(0, 1), "monday", DAY, label="süß")
    file = tmp_path / "prompts.jsonl"
    assert write_prompts(bank.stored(), file) == 2
    with PromptBank(tmp_path / "other.bank", create=True) as other:
        other.add_call(stretches(2), "own", date(2026, 12, 1))
        added = other.take_in(read_prompts(file))
        assert (added.new, added.known) == (2, 0)
        for number in range(3):  # prompts of two keys
            assert len(other.lookup(AGAIN[number])) == 1
        assert other.take_in(read_prompts(file)).known == 2
        assert {i.label for i in other.list()} == {"süß", ""}
        # The same clip from another call is known, whatever its key.
        assert other.add_call([(0.0, AGAIN[0])], "next", date(2026, 12, 2)).known == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "", "not a file of exported prompts"),
        (lambda t: "RIFF....", "not a file of exported prompts"),
        (lambda t: t.replace('"version": 1', '"version": 9'), "version 9"),
        (lambda t: t[: len(t) // 2], "line 2"),
        (lambda t: t.replace('"data": "', '"data": "AAAA'), "damaged"),
        (lambda t: t.replace("2026-11-02", "yesterday"), "line 2"),
        (lambda t: t.replace('"name": "', '"name": "0'), "does not fit"),
    ],
)
def test_bad_imports_change_nothing(
    bank: PromptBank, tmp_path: Path, change: object, message: str
) -> None:
    bank.add_call(stretches(0), "monday", DAY)
    file = tmp_path / "prompts.jsonl"
    write_prompts(bank.stored(), file)
    file.write_text(change(file.read_text()))  # type: ignore[operator]
    with (
        PromptBank(tmp_path / "other.bank", create=True) as other,
        pytest.raises(ValueError, match=message),
    ):
        other.take_in(read_prompts(file))
    with PromptBank(tmp_path / "other.bank") as other:
        assert len(other) == 0


def test_a_missing_bank_is_told(path: Path) -> None:
    with pytest.raises(BankError, match="no prompt bank at"):
        PromptBank(path)
    with pytest.raises(IsADirectoryError):
        PromptBank(path.parent.parent)


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"x" * 4000]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.bank"
    file.write_bytes(content)
    with pytest.raises(BankError, match="damaged or not a prompt bank"):
        PromptBank(file, create=True)
    assert file.read_bytes() == content


def test_other_databases_and_versions_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.bank"
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE t (x)")
    base.commit()
    with pytest.raises(BankError, match="not a prompt bank"):
        PromptBank(file, create=True)
    base.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    base.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    base.commit()
    base.close()
    with pytest.raises(BankError, match=f"version {SCHEMA_VERSION + 1}"):
        PromptBank(file)


def test_a_damaged_prompt_is_told(bank: PromptBank, path: Path) -> None:
    bank.add_call(stretches(0), "monday", DAY)
    bank.close()
    base = sqlite3.connect(path)
    base.execute("UPDATE prompts SET data = zeroblob(length(data))")
    base.commit()
    base.close()
    with PromptBank(path) as again:
        with pytest.raises(BankError, match="damaged"):
            again.lookup(AGAIN[0])
        with pytest.raises(BankError, match="damaged"):
            again.check()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs file permissions")
def test_no_permission(bank: PromptBank, path: Path) -> None:
    bank.close()
    path.chmod(0)
    with pytest.raises(PermissionError):
        PromptBank(path)

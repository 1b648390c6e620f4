"""The documents agree with the code: links, commands, metadata keys, and the host loop runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

from ringtrue.inference.cli import app
from ringtrue.inference.monitor import CallMonitor
from ringtrue.model import contract
from tests.inference.toy_model import human, robot, silence, toy_info, write_toy

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / n for n in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "inference" / "assets" / "README.md",
]
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
CONTRACT = ROOT / "docs" / "contract.md"
GENERATED = {ROOT / "model" / "released" / "MODEL_CARD.md"}
"""Written when a model is released."""


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith(("https://", "#")):
            continue
        file = (path.parent / target.partition("#")[0]).resolve()
        assert file.exists() or file in GENERATED, f"{path.name} links to {target}"


@each_document
def test_commands_exist(path: Path) -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    code = "\n".join(_blocks(path, "sh"))
    inline = re.findall(r"`(ringtrue [a-z-]+)", path.read_text(encoding="utf-8"))
    found = re.findall(r"(?:^|&& |\| )ringtrue ([a-z-]+)", "\n".join([code, *inline]), re.MULTILINE)
    used = set(found)
    assert used <= known, f"{path.name} names {sorted(used - known)}"


@each_document
def test_python_examples_are_valid(path: Path) -> None:
    for block in _blocks(path, "python"):
        compile(block, path.name, "exec")


def test_both_readmes_hold_the_same_commands_and_tables() -> None:
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))

    def commands(path: Path) -> list[str]:
        lines = (line for block in _blocks(path, "sh") for line in block.splitlines())
        return [line.split(" # ")[0].rstrip() for line in lines]

    def figures(path: Path) -> list[list[str]]:
        rows = [
            line.split("|")[2:-1]
            for line in path.read_text(encoding="utf-8").splitlines()
            if line.startswith("|") and "---" not in line
        ]
        # Digits only: units and words are translated.
        return [[re.sub(r"[^0-9.]", "", cell) for cell in row] for row in rows]

    assert commands(english) == commands(chinese)
    assert figures(english) == figures(chinese)


def test_the_contract_lists_every_metadata_key() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    section = text[text.index("## Metadata") : text.index("## From evidence to verdict")]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(listed) == sorted(toy_info().to_metadata())
    for name in (*contract.INPUTS, *contract.OUTPUTS):
        assert f"| `{name}` |" in text


def test_the_host_loop_says_what_the_monitor_says(tmp_path: Path) -> None:
    model = write_toy(tmp_path / "toy.onnx")
    call = np.concatenate((silence(0.5), robot(12.0), human(40.0), robot(3.0)))
    call = call[: call.size // 800 * 800]
    heard: list[str] = []

    def chunks_of_the_call(size: int) -> Iterator[np.ndarray]:
        for start in range(0, call.size, size):
            yield call[start : start + size]
            heard.append(str(space["verdict"]))

    (loop,) = _blocks(CONTRACT, "python")
    loop = loop.replace('"ringtrue.onnx"', repr(str(model)))
    space: dict[str, object] = {"chunks_of_the_call": chunks_of_the_call}
    exec(compile(loop, "docs/contract.md", "exec"), space)
    told = [verdict.verdict for verdict in CallMonitor(model).push(call, 8000)]
    assert heard == told
    assert set(told) == {"unsure", "robot", "human"}

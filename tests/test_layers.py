"""The architecture: who may import whom, read from the source without running it.

``inference`` runs on a plain installation, ``model`` stands on its own, ``training`` may use both.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("model", "training", "inference")
HEAVY = {
    "torch",
    "torchaudio",
    "librosa",
    "sklearn",
    "scipy",
    "matplotlib",
    "onnx",
    "pyarrow",
    "pyworld",
    "silero_vad",
    "tensorboard",
    "yaml",
    "starlette",
    "uvicorn",
    "websockets",
    "prometheus_client",
    "python_multipart",
    "httpx",
}
"""Libraries that a plain installation lacks."""
TORCH_FREE_MODEL = {"ringtrue.model", "ringtrue.model.contract", "ringtrue.model.released"}

SERVICE = {
    f"ringtrue.inference.service.{name}"
    for name in (
        "app",
        "audiosocket_server",
        "call_socket",
        "endpoints",
        "feed_endpoint",
        "gate",
        "metrics",
        "problems",
        "protocols",
        "score_endpoint",
        "server",
        "sockets",
        "switchboard",
        "upload",
    )
}
"""Modules of the service that need the extra ``serve``; they load each other."""

LOADED_LAZILY = {"ringtrue.inference.picture_png", *SERVICE}
"""Modules that others import inside functions only; they may need matplotlib or ``serve``."""


@dataclass(frozen=True)
class Import:
    """One import statement's target."""

    target: str
    line: int
    lazy: bool


def _modules() -> dict[str, Path]:
    found = {}
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            parts = ["ringtrue", *path.relative_to(ROOT).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(name: str) -> list[Import]:
    return list(_walk(ast.parse(MODULES[name].read_text(encoding="utf-8")), lazy=False))


def _walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, lazy)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import in line {child.lineno}"
            base = child.module or ""
            for alias in child.names:
                # ``from package import module`` and ``from module import name`` look alike.
                full = f"{base}.{alias.name}"
                yield Import(full if full in MODULES else base, child.lineno, lazy)
        elif _is_import_module(child):
            assert isinstance(child, ast.Call)
            target = child.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                yield Import(target.value, child.lineno, lazy)
        yield from _walk(child, inside)


def _is_import_module(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("import_module", "importlib.import_module")
        and bool(node.args)
    )


def _part(module: str) -> str:
    """``inference`` of ``ringtrue.inference.audio``; empty for other distributions."""
    pieces = module.split(".")
    return pieces[1] if pieces[0] == "ringtrue" and len(pieces) > 1 else ""


def _of(part: str) -> list[str]:
    return [name for name in MODULES if _part(name) == part]


def _where(name: str, item: Import) -> str:
    return f"{MODULES[name].relative_to(ROOT)}:{item.line} imports {item.target}"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_found(part: str) -> None:
    assert len(_of(part)) > 5


def test_inference_imports_no_library_of_the_extras_on_load() -> None:
    wrong = [
        _where(name, item)
        for name in _of("inference")
        for item in _imports(name)
        if item.target.split(".")[0] in HEAVY and not item.lazy and name not in LOADED_LAZILY
    ]
    assert not wrong


def test_modules_with_optional_libraries_are_loaded_lazily() -> None:
    for name in MODULES:
        for item in _imports(name):
            if item.target in LOADED_LAZILY and not {name, item.target} <= SERVICE:
                assert item.lazy, _where(name, item)


def test_inference_never_imports_torch() -> None:
    wrong = [
        _where(name, item)
        for name in _of("inference")
        for item in _imports(name)
        if item.target.split(".")[0] in ("torch", "torchaudio")
    ]
    assert not wrong


def test_inference_reaches_training_only_through_the_mounted_commands() -> None:
    reached = {
        (name, item.target, item.lazy)
        for name in _of("inference")
        for item in _imports(name)
        if _part(item.target) == "training"
    }
    assert reached == {("ringtrue.inference.commands.training", "ringtrue.training.cli", True)}


def test_inference_uses_only_the_torch_free_part_of_model() -> None:
    wrong = [
        _where(name, item)
        for name in _of("inference")
        for item in _imports(name)
        if _part(item.target) == "model" and item.target not in TORCH_FREE_MODEL
    ]
    assert not wrong


@pytest.mark.parametrize("name", sorted(TORCH_FREE_MODEL))
def test_the_contract_needs_only_the_standard_library(name: str) -> None:
    assert not [_where(name, i) for i in _imports(name) if i.target.split(".")[0] in HEAVY]


def test_model_imports_neither_training_nor_inference() -> None:
    wrong = [
        _where(name, item)
        for name in _of("model")
        for item in _imports(name)
        if _part(item.target) in ("training", "inference")
    ]
    assert not wrong


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {
        name: {i.target for i in _imports(name) if i.target in MODULES and not i.lazy}
        for name in MODULES
    }
    # Raises CycleError, which names the circle.
    list(TopologicalSorter(graph).static_order())


def test_every_package_is_listed_for_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(listed["tool"]["setuptools"]["packages"])
    there = {n for n, path in MODULES.items() if path.name == "__init__.py"}
    assert packages == there
    bare = {
        path.parent.relative_to(ROOT)
        for path in MODULES.values()
        if not (path.parent / "__init__.py").is_file()
    }
    assert not bare, f"folders without __init__.py: {bare}"

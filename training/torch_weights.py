"""Arrays of a model that another project pickled with ``torch.save``, without running its code.

Such a file names classes of its project. Loading it the usual way imports and calls them; here they
become empty records that only hold what was saved, and anything but arrays and plain containers is
refused.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[np.float32]]

_PLAIN: Final[dict[tuple[str, str], Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
}
_STORAGES: Final = {"FloatStorage": "<f4", "LongStorage": "<i8", "HalfStorage": "<f2"}


class _Record:
    """Stands for any class of the other project: an object without behaviour."""


def read_weights(path: Path, packages: tuple[str, ...]) -> Weights:
    """Parameters by dotted name, as ``state_dict`` names them.

    Args:
        path: a file that ``torch.save`` wrote as a zip archive.
        packages: classes of these packages and of ``torch.nn`` become records.

    Raises:
        ValueError: not such a file, or one that needs other classes or functions.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            folder = name.removesuffix("data.pkl") + "data/"

            def storage(key: tuple[Any, ...]) -> NDArray[Any]:
                _, kind, member, _, _ = key
                return np.frombuffer(archive.read(folder + str(member)), dtype=kind)

            with archive.open(name) as stream:
                model = _Reader(stream, storage, packages).load()
    except (zipfile.BadZipFile, StopIteration, pickle.UnpicklingError, KeyError) as error:
        raise ValueError(f"{path.name}: expected weights saved by torch: {error}") from error
    return {key: np.asarray(value, dtype=np.float32) for key, value in _walk(model, "")}


class _Reader(pickle.Unpickler):
    def __init__(
        self,
        stream: Any,
        storage: Callable[[tuple[Any, ...]], NDArray[Any]],
        packages: tuple[str, ...],
    ) -> None:
        super().__init__(stream, encoding="utf-8")
        self._storage = storage
        self._packages = ("torch.nn", *packages)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _array
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if any(module == p or module.startswith(p + ".") for p in self._packages):
            return _Record
        raise pickle.UnpicklingError(f"refused {module}.{name}")

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        return self._storage(pid)


def _array(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> NDArray[Any]:
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if min((offset, *size, *stride), default=0) < 0 or (0 not in size and last >= len(storage)):
        raise pickle.UnpicklingError("refused an array outside its storage")
    strides = [s * storage.itemsize for s in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def _parameter(data: NDArray[Any], *_: object) -> NDArray[Any]:
    return data


def _walk(module: object, prefix: str) -> list[tuple[str, NDArray[Any]]]:
    state = getattr(module, "__dict__", {})
    found = [
        (prefix + name, value)
        for name, value in state.get("_parameters", {}).items()
        if isinstance(value, np.ndarray)
    ]
    for name, part in state.get("_modules", {}).items():
        found += _walk(part, f"{prefix}{name}.")
    return found

"""
When a run can be skipped: the key over everything its result follows from, the bytes of the data among it.

Every "skip what did not change" in the field looks at code and parameters and keeps old figures when a CSV changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Key", "make_key", "why"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a run follows from, by name ("notebook", "parameters", "input exports/a.csv", …), each with its SHA-256."""

    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(dict(self.parts), sort_keys=True).encode()).hexdigest()


def make_key(
    notebook: Path,
    parameters: Mapping[str, Any],
    inputs: Iterable[Path],
    *,
    root: Path,
    lock: Path | None = None,
    version: str = "",
) -> Key:
    """
    The key of running notebook with parameters on inputs; a folder stands for every file below it.

    root: what paths are named relative to, so that a moved workspace keeps its keys. lock: the lock file of the Python
    environment. version: of this package.
    """
    parts = {
        "notebook": _digest(notebook.read_bytes()),
        "parameters": _digest(json.dumps(dict(parameters), sort_keys=True, default=str).encode()),
        "lock file": _digest(lock.read_bytes()) if lock and lock.exists() else "none",
        "deploybook": version,
    }
    for path in _files(inputs):
        name = path.relative_to(root) if path.is_relative_to(root) else path
        parts[f"input {name.as_posix()}"] = _digest(path.read_bytes())
    return Key(parts=parts)


def _files(inputs: Iterable[Path]) -> list[Path]:
    found: set[Path] = set()
    for path in inputs:
        found.update(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else found.add(path)
    return sorted(found)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def why(old: Mapping[str, str] | None, new: Key) -> list[str]:
    """Why a run is needed, a sentence for each cause; empty where nothing changed since the parts `old`."""
    if old is None:
        return ["it has not run yet"]
    causes = [f"{name} is new" for name in new.parts if name not in old]
    causes += [f"{name} is gone" for name in old if name not in new.parts]
    causes += [f"{name} changed" for name, digest in new.parts.items() if name in old and old[name] != digest]
    return sorted(causes)

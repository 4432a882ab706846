"""
When a run can be skipped: the digests of everything its result follows from, the bytes of the data among it.

Every "skip what did not change" in the field looks at code and parameters and keeps old figures when a CSV changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["digests", "stamps", "why"]

Key = Mapping[str, str]  # what a run follows from, by name, to its digest


def digests(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """Each file by its name below root, with the SHA-256 of its bytes; what is not there is left out."""
    return {_name(path, root): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def stamps(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """The same for what is written once or is not ours: size and times of change in place of the bytes."""
    found = {}
    for path in paths:
        if path.is_file():
            status = path.stat()
            found[_name(path, root)] = f"{status.st_size} bytes, {status.st_mtime_ns}"
    return found


def _name(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def why(old: Key | None, new: Key) -> list[str]:
    """Why a run is needed, a sentence for each cause; empty where nothing changed."""
    if old is None:
        return ["it was not made yet"]
    causes = [f"{name} is new" for name in new.keys() - old.keys()]
    causes += [f"{name} is gone" for name in old.keys() - new.keys()]
    causes += [f"{name} changed" for name in new.keys() & old.keys() if new[name] != old[name]]
    return sorted(causes)

"""Files that are written once, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Container
from pathlib import Path

from ..errors import ExportDamaged


def put_under_a_free_name(folder: Path, stem: str, ending: str, content: bytes, listed: Container[str]) -> str:
    """The name that the content was stored under; what a crash left there with the same content is taken up."""
    for number in range(1, 100_000):
        file = f"{stem}{ending}" if number == 1 else f"{stem}.{number}{ending}"
        if file not in listed and put_new(folder / file, content):
            return file
    raise ExportDamaged(f"{folder}: has no free name left for {stem}")


def put_new(path: Path, content: bytes) -> bool:
    """Write a file that is not there; False where another content is (a crash may have left the same one)."""
    if path.exists():
        return path.is_file() and not path.is_symlink() and path.read_bytes() == content
    put(path, content)
    return True


def put(path: Path, content: bytes) -> None:
    """The whole content or nothing, and on the disk before its name is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def file_stem(name: str) -> str:
    """A file name for a metric: its own where that is safe everywhere, else with a few signs of its digest."""
    if re.fullmatch(r"[a-z_][\w-]{0,100}", name, re.ASCII):
        return name
    safe = re.sub(r"[^\w-]+", "-", name, flags=re.ASCII).strip("-.")[:80] or "metric"
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

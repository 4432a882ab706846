"""
A built site and its evidence, put together: what is published can be checked by whoever holds the site alone.

The pages are made first and cite the log as it was before; then the list of all their digests is recorded as a
publication, and the log with its artifacts is copied beside them, so that nothing has to contain its own digest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from deploybook.errors import DeploybookError
from deploybook.evidence import statement, store
from deploybook.evidence.log import Log
from deploybook.evidence.standalone import CHECKPOINT, SUMS, Checkpoint

FOLDER = "evidence/log"
PATH = 64 + len("  ")  # where the path begins in a line of the list


def seal(
    log: Log, site: Path, now: datetime, *, actor: str = "", folder: str = FOLDER, base: Path | None = None
) -> Checkpoint:
    """
    Put verify.py and SHA256SUMS into a built site (a staging folder), record its publication, and copy the log into it.

    folder: where in the site the log goes. base: where only a part was built, the sealed site that it goes into; what
    the part does not replace is taken from its list. The same pages are not recorded twice. Raises DeploybookError where the disk
    refuses; then the staging folder is of no use, and the log holds at most a publication that did not happen.
    """
    try:
        (site / "verify.py").write_bytes(Path(__file__).with_name("standalone.py").read_bytes())
        for path in sorted(site.rglob("*")):
            if path.is_file():
                log.gate.check(path, path.relative_to(site).as_posix())
        if base and _digest(base / SUMS) != log.published():
            raise DeploybookError(
                f"{base / SUMS}: not what was published last; remove the site, then publish all of it"
            )
        pages = write_sums(log, site, base)
        listed = store.put(log.path, site / SUMS, "txt")
        head = log.append([statement.publication(listed, pages=pages, actor=actor)], now)
        copy(log, site / folder, base / folder if base else None)
    except OSError as error:
        raise DeploybookError(f"{site}: cannot be sealed: {error.strerror}; it is not published") from error
    return head


def write_sums(log: Log, site: Path, base: Path | None = None) -> int:
    """Writes `digest  path` of every file of the site, sorted, as sha256sum -c reads it; gives how many. base: see seal."""
    new = {path.relative_to(site).as_posix(): path for path in site.rglob("*") if path.is_file()}
    new.pop(SUMS, None)
    added = {path.encode(): f"{_digest(new[path])}  {path}\n".encode() for path in sorted(new)}
    log.gate.check(b"".join(added.values()), SUMS)
    with (site / SUMS).open("wb") as target:
        if base:
            return _merge(base / SUMS, added, target)
        target.writelines(added.values())
    return len(added)


def _merge(listed: Path, added: Mapping[bytes, bytes], target: BinaryIO) -> int:
    """Writes a sorted list with some lines new or other, by their paths; gives how many it has. Memory: some blocks."""
    lines = done = 0
    with listed.open("rb") as source:
        for path, line in added.items():
            start, end = _line_of(source, path)
            source.seek(done)
            lines += store.copy_lines(source, target, start - done) + 1
            target.write(line)
            done = end
        return lines + store.copy_lines(source, target, source.seek(0, os.SEEK_END) - source.seek(done))


def _line_of(listed: BinaryIO, path: bytes) -> tuple[int, int]:
    """Where the line of a path begins and ends in a sorted list; both where it would stand."""
    low, high = 0, listed.seek(0, os.SEEK_END)
    while low < high:
        listed.seek((low + high) // 2)
        listed.readline()  # the rest of a line
        if (start := listed.tell()) >= high:  # the last line between the two, or one of few: from their beginning
            start = listed.seek(low)
        line = listed.readline()
        if (found := line[PATH:-1]) == path:
            return start, start + len(line)
        low, high = (start + len(line), high) if found < path else (low, start)
    return low, low


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy(log: Log, folder: Path, base: Path | None = None) -> None:
    """The log as an outsider gets it: what is signed and the artifacts that base has not, linked where the disk can."""
    folder.mkdir(parents=True, exist_ok=True)
    log.copy_signed(folder)
    since = Checkpoint.parse((base / CHECKPOINT).read_bytes()).size if base else 0
    for path in sorted({path for entry in log.entries(since=since) for path in entry.paths.values()}):
        source, target = log.path / path, folder / path
        if source.is_file() and not target.exists() and not (base and (base / path).exists()):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)

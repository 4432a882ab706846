"""
A built site and its evidence, put together: what is published can be checked by whoever holds the site alone.

The pages are made first and cite the log as it was before; then the list of all their digests is recorded as a
publication, and the log with its artifacts is copied beside them, so that nothing has to contain its own digest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from datetime import datetime
from pathlib import Path

from deploybook.errors import DeploybookError
from deploybook.evidence import statement
from deploybook.evidence.log import Log, signed_part
from deploybook.evidence.standalone import SUMS, Checkpoint

FOLDER = "evidence/log"


def seal(log: Log, site: Path, now: datetime, *, actor: str = "", folder: str = FOLDER) -> Checkpoint:
    """
    Put verify.py and SHA256SUMS into a built site (a staging folder), record its publication, and copy the log into it.

    folder: where in the site the log goes. The same pages are not recorded twice. Raises DeploybookError where the disk
    refuses; then the staging folder is of no use, and the log holds at most a publication that did not happen.
    """
    try:
        (site / "verify.py").write_bytes(Path(__file__).with_name("standalone.py").read_bytes())
        for path in sorted(site.rglob("*")):
            if path.is_file():
                log.gate.check(path, path.relative_to(site).as_posix())
        listed = manifest(site)
        head = log.append([statement.publication(log.put(listed, "txt"), pages=listed.count(b"\n"), actor=actor)], now)
        (site / SUMS).write_bytes(listed)
        copy(log, site / folder)
    except OSError as error:
        raise DeploybookError(f"{site}: cannot be sealed: {error.strerror}; it is not published") from error
    return head


def manifest(site: Path) -> bytes:
    """`digest  path` of every file of the site, sorted, as sha256sum -c reads it."""
    paths = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    lines = [f"{_digest(site / path)}  {path}\n" for path in paths if path != SUMS]
    return "".join(lines).encode()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy(log: Log, folder: Path) -> None:
    """The log as an outsider gets it: what is signed and the artifacts that are there, linked where the disk can."""
    for name, data in signed_part(log.path).items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    for path in sorted({path for entry in log.entries() for path in entry.paths.values()}):
        source, target = log.path / path, folder / path
        if source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)

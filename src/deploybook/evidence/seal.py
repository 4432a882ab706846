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
        if base and (base / SUMS).read_bytes() != published_last(log):
            raise DeploybookError(
                f"{base / SUMS}: not what was published last; remove the site, then publish all of it"
            )
        listed = manifest(site, base)
        head = log.append([statement.publication(log.put(listed, "txt"), pages=listed.count(b"\n"), actor=actor)], now)
        (site / SUMS).write_bytes(listed)
        copy(log, site / folder, base / folder if base else None)
    except OSError as error:
        raise DeploybookError(f"{site}: cannot be sealed: {error.strerror}; it is not published") from error
    return head


def published_last(log: Log) -> bytes:
    """The list of the last publication on record; b'' where there is none."""
    last = max(log.entries("publication"), key=lambda entry: entry.index, default=None)
    return (log.path / last.paths["SHA256SUMS"]).read_bytes() if last else b""


def manifest(site: Path, base: Path | None = None) -> bytes:
    """`digest  path` of every file of the site, sorted, as sha256sum -c reads it."""
    before = (base / SUMS).read_text(encoding="utf-8").splitlines() if base else []
    digests = {path: digest for digest, _, path in (line.partition("  ") for line in before)}
    digests |= {path.relative_to(site).as_posix(): _digest(path) for path in site.rglob("*") if path.is_file()}
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests) if path != SUMS).encode()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy(log: Log, folder: Path, base: Path | None = None) -> None:
    """The log as an outsider gets it: what is signed and the artifacts that base has not, linked where the disk can."""
    for name, data in signed_part(log.path).items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    for path in sorted({path for entry in log.entries() for path in entry.paths.values()}):
        source, target = log.path / path, folder / path
        if source.is_file() and not target.exists() and not (base and (base / path).exists()):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)

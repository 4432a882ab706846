"""
Artifacts by their digest: sha256/ab/<digest>.<ext> below the evidence folder, written once, never changed.

A file appears under its name only when all its bytes are on the disk (temporary file, fsync, link). Folders and files
are opened below one another without following a symbolic link.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deploybook.errors import DeploybookError, EvidenceBroken

_EXTENSION = re.compile(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10})?")
_PART = re.compile(r"[a-z0-9]{1,10}")
_BLOCK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Stored bytes: their SHA-256 in hex, how many, and where, relative to the evidence folder."""

    digest: str
    size: int
    path: str


def extension(name: str) -> str:
    """'csv.gz' of 'x.csv.gz'; 'bin' of a name whose ending is none."""
    return ".".join(part for part in name.lower().split(".")[1:][-2:] if _PART.fullmatch(part)) or "bin"


def put(evidence: Path, data: bytes | Path, extension: str) -> Artifact:
    """
    Store bytes or a file; the same bytes are stored once, under the extension they first came with.

    Raises EvidenceBroken where the stored file is not what its name says, DeploybookError where the disk refuses.
    """
    if not _EXTENSION.fullmatch(extension):
        raise DeploybookError(f"{extension!r} is no extension for an artifact; write one like csv or csv.gz")
    try:
        with _opened(data) as source, folder(evidence, "sha256") as store:
            return _store(store, source, extension)
    except OSError as error:
        raise DeploybookError(
            f"{evidence}: cannot store an artifact: {error.strerror}; nothing was recorded"
        ) from error


def _store(store: int, source: BinaryIO, extension: str) -> Artifact:
    temporary = f".tmp-{secrets.token_hex(8)}"
    try:
        digest, size = _write(store, temporary, source)
        with _subfolder(store, digest[:2]) as shelf:
            there = os.listdir(shelf)  # noqa: PTH208 (an opened folder)
            name = next((name for name in there if name.partition(".")[0] == digest), f"{digest}.{extension}")
            try:
                os.link(temporary, name, src_dir_fd=store, dst_dir_fd=shelf, follow_symlinks=False)
                os.fsync(shelf)
            except FileExistsError:
                if digest_at(shelf, name) != digest:
                    raise EvidenceBroken(
                        f"sha256/{digest[:2]}/{name}: its bytes changed since they were stored; restore it from version control",
                        place=f"sha256/{digest[:2]}/{name}",
                    ) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=store)
    return Artifact(digest=digest, size=size, path=f"sha256/{digest[:2]}/{name}")


def _write(store: int, name: str, source: BinaryIO) -> tuple[str, int]:
    """Digest and size of what was copied and is on the disk."""
    found, size = hashlib.sha256(), 0
    with os.fdopen(
        os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444, dir_fd=store), "wb"
    ) as to:
        while block := source.read(_BLOCK):
            found.update(block)
            size += len(block)
            to.write(block)
        to.flush()
        os.fsync(to.fileno())
    return found.hexdigest(), size


def digest_at(shelf: int, name: str) -> str:
    """SHA-256 of a plain file in an opened folder."""
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=shelf), "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy_lines(source: BinaryIO, target: BinaryIO, size: int) -> int:
    """Copies that many bytes, some lines, from where the source stands; gives how many lines. Memory: a block."""
    lines = 0
    while size and (block := source.read(min(size, _BLOCK))):
        size -= target.write(block)
        lines += block.count(b"\n")
    return lines


def _opened(data: bytes | Path) -> BinaryIO:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    return os.fdopen(os.open(data, os.O_RDONLY | os.O_NOFOLLOW), "rb")


@contextlib.contextmanager
def folder(evidence: Path, name: str = "") -> Iterator[int]:
    """The evidence folder, or one in it, opened; made where it is not there; never through a symbolic link."""
    evidence.mkdir(parents=True, exist_ok=True)
    root = os.open(evidence, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not name:
            yield root
            return
        with _subfolder(root, name) as found:
            yield found
    finally:
        os.close(root)


@contextlib.contextmanager
def _subfolder(parent: int, name: str) -> Iterator[int]:
    try:
        os.mkdir(name, dir_fd=parent)
        os.fsync(parent)
    except FileExistsError:
        pass
    try:
        found = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise EvidenceBroken(
                f"{name}: a symbolic link or a file where a folder of the store belongs", place=name
            ) from None
        raise
    try:
        yield found
    finally:
        os.close(found)


def remove(evidence: Path, path: str) -> None:
    """Delete the bytes of an artifact; only after its tombstone is in the log."""
    first, shelf_name, name = path.split("/")
    with folder(evidence, first) as store, _subfolder(store, shelf_name) as shelf:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=shelf)
        os.fsync(shelf)

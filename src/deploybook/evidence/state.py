"""
What a writer knows of the log, and of a long one keeps, so that the next append need not read all of it again.

What is kept counts only where the log's file is the very one that was left (nobody can set the time of its last change),
where it was kept with this workspace's key, and where its tree has the root that was signed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from deploybook.evidence.key import Key
from deploybook.evidence.standalone import LOG, NO_KEY, START, SUMS, Tree, hash_of, parse_leaf

__all__ = ["NO_STAMP", "State", "content_of", "keep", "recall", "stamp_of"]

Stamp = tuple[int, int, int]  # inode, time of the last change in nanoseconds, size
NO_STAMP: Stamp = (0, 0, 0)
WITHHELD = b'{"withheld":'
_WHEN = re.compile(rb'"recordedAt":"([^"\\]*)"')
_STAMPS = re.compile(rb'"(?:prior|recordedAt)":"[^"\\]*",?|"clockWentBack":true,')
_SPECIAL = (b":key-rotation:", b":publication:", b":tombstone:")  # looked for first: _KIND takes twenty times as long
_KIND = re.compile(rb'"predicateType":"urn:deploybook:evidence:(key-rotation|publication|tombstone):v1"')
_CONTENT, _MAC = 16, 32  # bytes of a digest of an entry, and of what proves the key


@dataclass(kw_only=True)
class State:
    """
    The log up to `offset` bytes. known: digests of what is recorded, those that were kept one behind the other in `before`;
    site: the digest of the last published list of a site's files.
    """

    checkpoint: bytes = b""
    inode: int = 0
    offset: int = 0
    tree: Tree = field(default_factory=Tree)
    prior: str = START
    recorded_at: str = ""
    signer: str = NO_KEY
    known: set[bytes] = field(default_factory=set)
    before: bytes = b""
    publication: bytes = b""
    site: str = ""
    removed: set[str] = field(default_factory=set)

    def has(self, content: bytes) -> bool:
        """Whether an entry of this content is recorded already."""
        return content in self.known or self._find(content) >= 0

    def _find(self, content: bytes) -> int:
        at = self.before.find(content)
        while at % _CONTENT and at >= 0:
            at = self.before.find(content, at + 1)
        return at

    def take(self, line: bytes) -> None:
        """Take in one line (without its end) that is part of the log."""
        found = hash_of(line, parse_leaf(line, LOG) if line.startswith(WITHHELD) else {})
        self.tree.add(found)
        self.offset += len(line) + 1
        self.prior = found.hex()[:16]
        if line.startswith(WITHHELD):
            return
        if (at := line.find(b'"recordedAt":"')) >= 0 and (match := _WHEN.search(line, at)):
            self.recorded_at = max(self.recorded_at, match[1].decode().rstrip("Z"))
        content = content_of(line)
        self.known.add(content)
        if any(kind in line for kind in _SPECIAL) and (match := _KIND.search(line)):
            self._take_special(match[1], line, content)

    def _take_special(self, kind: bytes, line: bytes, content: bytes) -> None:
        said = parse_leaf(line, LOG)
        digests = {one.get("name"): one["digest"]["sha256"] for one in said["subject"]}
        if kind == b"key-rotation":
            self.signer = str(said["predicate"].get("key"))
        elif kind == b"tombstone":
            self.removed.update(digests.values())
        else:  # a site may return to an earlier state: only the last publication counts as recorded already
            if self.publication != content:
                self.known.discard(self.publication)
                if self.publication and (at := self._find(self.publication)) >= 0:
                    self.before = self.before[:at] + self.before[at + _CONTENT :]
            self.publication, self.site = content, digests.get(SUMS, "")


def content_of(line: bytes) -> bytes:
    """A digest of an entry but for when and where in the log it was recorded: equal content is recorded once."""
    return hashlib.sha256(_STAMPS.sub(b"", line)).digest()[:_CONTENT]


def keep(path: Path, key: Key, log: os.stat_result, state: State) -> None:
    """Best effort: without it the log is read."""
    whole = replace(state, before=state.before + b"".join(state.known), known=set())
    content = msgspec.msgpack.encode((stamp_of(log), whole), enc_hook=lambda tree: (tree.size, tree.edge))
    new = path.with_name(f"{path.name}.new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as stream:
            stream.writelines((_mac(key, content), content))
        new.replace(path)


def recall(path: Path, key: Key, log: os.stat_result) -> State | None:
    """The state that was kept of this very file with this key; its root is not checked here."""
    try:
        given = memoryview(path.read_bytes())
        mac, content = given[:_MAC], given[_MAC:]
        if not hmac.compare_digest(mac, _mac(key, content)):
            return None
        stamp, state = msgspec.msgpack.decode(content, type=tuple[Stamp, State], dec_hook=lambda _, tree: Tree(*tree))
    except (OSError, msgspec.MsgspecError):
        return None
    return state if stamp == stamp_of(log) else None


def stamp_of(log: os.stat_result) -> Stamp:
    """The same only while the file is the one that was left."""
    return log.st_ino, log.st_ctime_ns, log.st_size


def _mac(key: Key, content: bytes | memoryview) -> bytes:
    found = hmac.new(key.seed, b"deploybook: what a writer knows of its log\n", "sha256")
    found.update(content)
    return found.digest()

"""
The evidence log of a workspace: what was pulled, run, judged, approved, published and told, in the order it was recorded.

    log = Log.open(Path("evidence"), key=key, origin="example.org/ops")
    csv = log.put(Path("parser.csv"), "csv")
    log.append([statement.export({"parser.csv": csv}, …)], now)

One line an entry, a Merkle root over all lines, one signature over the root. Reading needs no lock and no cryptography.
Order on the disk: artifact, lines, checkpoint; each is on the disk before the next begins, and an entry counts only once
the checkpoint counts it. A tail that no checkpoint counts is put aside, never signed: whoever can add a line to the file
would otherwise have it signed by the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from deploybook.errors import DeploybookError, EvidenceBroken
from deploybook.evidence import statement, store
from deploybook.evidence.gate import Gate
from deploybook.evidence.key import Key
from deploybook.evidence.standalone import (
    CHECKPOINT,
    LOG,
    NO_KEY,
    OWN,
    TEST_RESULT,
    Broken,
    Checkpoint,
    Tree,
    b64,
    endorsement_text,
    hash_of,
    kind_of,
    parse_leaf,
)
from deploybook.evidence.state import NO_STAMP, State, content_of, keep, recall, stamp_of
from deploybook.evidence.store import Artifact

LONG = 1 << 20  # bytes of a log from which on it is quicker to keep what is known of it than to read it again


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry as read. index: its place, from 0. artifacts: name -> digest; paths: name -> place, of those kept here."""

    index: int
    kind: str
    recorded_at: str
    artifacts: Mapping[str, str]
    paths: Mapping[str, str]
    predicate: Mapping[str, Any]

    @property
    def deployment(self) -> str:
        return str(self.predicate.get("deployment", ""))


class Log:
    """
    The log below one evidence folder. Opening and reading write nothing; the folder is made by the first append.

    orphans: files into which this writer put tails that were never signed.
    """

    def __init__(self, evidence: Path, *, key: Key | None, origin: str, gate: Gate) -> None:
        self.path, self.key, self.origin, self.gate = evidence, key, origin, gate
        self.orphans: list[str] = []
        self._state, self._is_long, self._stamp = State(), False, NO_STAMP
        self._kept = evidence.parent / ".deploybook" / "made" / "log"

    @classmethod
    def open(
        cls,
        evidence: Path,
        *,
        key: Key | None = None,
        origin: str = "",
        gate: Gate = Gate(),  # noqa: B008 (frozen)
    ) -> Log:
        """
        origin: the name of a new log, such as example.org/ops; an existing one knows its own.
        key: None appends unsigned, and the log says so. gate: what may not be stored.
        """
        return cls(evidence, key=key, origin=origin or (key.name if key else "") or "deploybook", gate=gate)

    # --- reading

    def head(self) -> Checkpoint:
        """The last checkpoint; size 0 where nothing was recorded yet."""
        data = _read(self.path / CHECKPOINT)
        return _parse(data) if data else Checkpoint(self.origin, 0, b64(Tree().root()))

    def entries(self, *kinds: str, deployment: str | None = None, since: int = 0) -> Iterator[Entry]:
        """
        The recorded entries of these kinds (of all where none is given) in their order, from the one at `since` on;
        withheld ones are left out. Other lines, and those that no checkpoint counts, are not looked into.
        """
        types = [f'"{TEST_RESULT if kind == "verdict" else f"{OWN}{kind}:v1"}"'.encode() for kind in kinds]
        about = b"" if deployment is None else f'"deployment":{json.dumps(deployment)}'.encode()
        if (size := self.head().size) <= since:
            return
        with _plain(self.path / LOG) as stream:
            for index, line in enumerate(islice(stream, since, size), since):
                if about not in line or (types and not any(one in line for one in types)):
                    continue
                with _broken_as_error():
                    said = parse_leaf(line.rstrip(b"\n"), f"{LOG} line {index + 1}")
                if "withheld" in said:
                    continue
                entry = _entry(index, said)
                if (not kinds or entry.kind in kinds) and deployment in (None, entry.deployment):
                    yield entry

    def published(self) -> str:
        """The digest of the list of the site that was published last; '' where there is none."""
        with self._locked():
            return self._state.site

    def copy_signed(self, folder: Path) -> None:
        """Writes the checkpoint, and exactly the lines that it counts, into a folder."""
        with self._locked(), _plain(self.path / LOG) as source, (folder / LOG).open("wb") as target:
            (folder / CHECKPOINT).write_bytes(self._state.checkpoint)
            store.copy_lines(source, target, self._state.offset)

    # --- writing

    def read(self, entry: Entry, name: str) -> bytes:
        """An artifact as it was recorded. KeyError or OSError where it is not kept, EvidenceBroken where it was changed."""
        path = entry.paths[name]
        content = (self.path / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry.artifacts[name]:
            raise EvidenceBroken(
                f"evidence/{path}: not what the log says of {name}; run 'deploybook verify'", place=path
            )
        return content

    def put(self, data: bytes | Path, extension: str, name: str = "") -> Artifact:
        """Store bytes or a file, if the gate lets them pass; evidence once an entry names it. name: for the message."""
        self.gate.check(data, name or (data.name if isinstance(data, Path) else f"a file .{extension}"))
        return store.put(self.path, data, extension)

    def append(self, statements: Iterable[statement.Statement], now: datetime) -> Checkpoint:
        """
        Record what is not recorded yet, in order, all or none; the checkpoint that counts it is returned and on the disk.

        An entry whose subjects and predicate are there already is not recorded again. A clock that went back is marked
        (clockWentBack); the order is the log's. Raises EvidenceBroken where the log is not what was signed, and
        DeploybookError where the disk refuses: then nothing was recorded.
        """
        with self._locked() as root:
            return self._append(root, list(statements), now, [self.key] if self.key else [])

    def rotate(self, key: Key, now: datetime) -> Checkpoint:
        """Hand over to a new key: the old one signs the hand-over, both sign this checkpoint."""
        old = self.key
        if old is None:
            raise DeploybookError("evidence: only the holder of the old key can hand over to a new one")
        with self._locked() as root:
            endorsement = b64(old.sign(endorsement_text(self.origin, key.vkey)))
            self.key = key
            said = _rotation(key.vkey, old.vkey, endorsement=endorsement)
            return self._append(root, [said], now, [old, key])

    def adopt(self, now: datetime, *, by: str, reason: str) -> Checkpoint:
        """
        Go on with this key where another, or none, signed last and cannot hand over. Who took over and why is recorded,
        with the checkpoint that the other signed; a verifier names the break.
        """
        if self.key is None:
            raise DeploybookError("evidence: only a key can take over a log")
        with self._locked(adopt=True) as root:
            before = self._state
            if before.signer == self.key.vkey:
                raise DeploybookError("evidence: this key signs the log already; there is nothing to take over")
            held = {"checkpoint": store.put(self.path, before.checkpoint, "txt")}
            why = {"by": statement.tidied(by), "reason": statement.tidied(reason)}
            return self._append(root, [_rotation(self.key.vkey, before.signer, held, **why)], now, [self.key])

    def withhold(self, index: int, now: datetime, **why: str) -> Checkpoint:
        """
        Take the text of an entry out and leave its hash: root and signatures stay valid. why: as for a tombstone.

        The artifacts of that entry have to be removed first (retention.remove), nothing names them any more afterwards.
        """
        with self._locked() as root:
            lines = _read(self.path / LOG).split(b"\n")
            leaf = hash_of(lines[index], parse_leaf(lines[index], LOG))
            tomb = statement.tombstone({f"entry-{index}": leaf.hex()}, **why)
            self._append(root, [tomb], now, [self.key] if self.key else [])
            lines = _read(self.path / LOG).split(b"\n")
            lines[index] = b'{"withheld":"%s"}' % b64(leaf).encode()
            _replace(root, LOG, b"\n".join(lines))
            self._state = State()
            return self.head()

    @contextlib.contextmanager
    def _locked(self, *, adopt: bool = False) -> Iterator[int]:
        """The evidence folder, opened and locked, with the log read up to its checkpoint. adopt: whoever signed it."""
        try:
            with store.folder(self.path) as root, _broken_as_error():
                fcntl.flock(root, fcntl.LOCK_EX)
                self._catch_up(root, adopt)
                yield root
                self._keep(root)
        except OSError as error:
            self._state = State()
            raise DeploybookError(
                f"{self.path}: cannot record evidence: {error.strerror}; nothing was recorded"
            ) from error

    def _catch_up(self, root: int, adopt: bool) -> None:
        data = _read(self.path / CHECKPOINT)
        if not data:
            if (self.path / LOG).exists():
                raise Broken(CHECKPOINT, f"missing beside {LOG}; restore it from version control")
            data = self._sign(Tree(), [self.key] if self.key else [])
            _replace(root, CHECKPOINT, data)
            os.close(os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644, dir_fd=root))
        checkpoint = Checkpoint.parse(data)
        self.origin = checkpoint.origin
        if data != self._state.checkpoint and not adopt:
            self._check_signer(checkpoint)
        with _plain(self.path / LOG) as stream:
            status = os.fstat(stream.fileno())
            is_new = not self._state.offset
            if is_new and self.key:
                self._state = recall(self._kept, self.key, status) or State()
                self._stamp = stamp_of(status) if self._state.offset else NO_STAMP
            if self._state.inode != status.st_ino or not self._follow(stream, checkpoint):
                self._state = State()
                if not self._follow(stream, checkpoint):
                    raise Broken(
                        LOG, f"not the {checkpoint.size} entries that the checkpoint counts; run 'deploybook verify'"
                    )
            self._state.checkpoint, self._state.inode = data, status.st_ino
            self._is_long = self._is_long or (is_new and self._state.offset > LONG)
            if status.st_size > self._state.offset:
                self._put_aside(root, stream)

    def _keep(self, root: int) -> None:
        """Keeps what is known where it took long to learn."""
        if self.key and self._is_long and self._state.offset:
            status = os.stat(LOG, dir_fd=root, follow_symlinks=False)
            if status.st_size == self._state.offset and self._stamp != stamp_of(status):
                self._stamp = stamp_of(status)
                keep(self._kept, self.key, status, self._state)

    def _follow(self, stream: Any, checkpoint: Checkpoint) -> bool:
        """Read on to the end of what the checkpoint counts; False where that is not what it counts."""
        state = self._state
        stream.seek(state.offset)
        with contextlib.suppress(Broken):
            while state.tree.size < checkpoint.size and (line := stream.readline()).endswith(b"\n"):
                state.take(line[:-1])
        return state.tree.size == checkpoint.size and b64(state.tree.root()) == checkpoint.root

    def _check_signer(self, checkpoint: Checkpoint) -> None:
        """A log is only continued by the key that signed it last: to sign it is to vouch for all of it."""
        if self.key is None or not (checkpoint.size or checkpoint.signed):
            return
        mine = self.key.public
        for name, raw in checkpoint.signatures:
            if (name, raw[:4]) == (mine.name, mine.id) and mine.accepts(checkpoint.body, raw[4:]):
                return
        others = ", ".join(f"{name}+{raw[:4].hex()}" for name, raw in checkpoint.signatures) or "nobody"
        raise Broken(
            CHECKPOINT,
            f"signed by {others}, not by this workspace's key {mine.short}; "
            "bring the right key, or take over with 'deploybook key --adopt'",
        )

    def _put_aside(self, root: int, stream: Any) -> None:
        stream.seek(self._state.offset)
        tail, number = stream.read(), 1
        while (self.path / f"log.orphan-{number}").exists():
            number += 1
        _write(root, f"log.orphan-{number}", tail)
        descriptor = os.open(LOG, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=root)
        try:
            os.ftruncate(descriptor, self._state.offset)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.orphans.append(f"log.orphan-{number}")

    def _append(
        self, root: int, statements: list[statement.Statement], now: datetime, signers: list[Key]
    ) -> Checkpoint:
        state = self._state
        wanted = self.key.vkey if self.key else NO_KEY
        if state.signer != wanted and statements and not any(kind_of(one) == "key-rotation" for one in statements):
            statements.insert(0, _rotation(wanted, state.signer))
        lines = self._new_lines(statements, statement.utc(now))
        if not lines:
            return Checkpoint.parse(state.checkpoint)
        tree = state.tree.copy()
        for line in lines:
            tree.add(hash_of(line, {}))
        data = self._sign(tree, signers)
        self._commit(root, b"".join(line + b"\n" for line in lines), data)
        for line in lines:
            state.take(line)
        state.checkpoint = data
        return Checkpoint.parse(data)

    def _new_lines(self, statements: list[statement.Statement], recorded_at: str) -> list[bytes]:
        """The lines to add: each stamped with its time and the entry before it; what is recorded already is left out."""
        state, prior, lines, fresh = self._state, self._state.prior, [], set()
        stamp = {"recordedAt": recorded_at}
        back = {"clockWentBack": True} if recorded_at.rstrip("Z") < state.recorded_at else {}
        for said in statements:
            self._refuse_removed(said)
            line = statement.canonical({**said, "predicate": {**said["predicate"], **stamp, **back, "prior": prior}})
            self.gate.check(line, f"an entry about {said['subject'][0]['name']}")
            content = content_of(line)
            if content in fresh or state.has(content):
                continue
            fresh.add(content)
            lines.append(line)
            prior = hash_of(line, {}).hex()[:16]
        return lines

    def _refuse_removed(self, said: statement.Statement) -> None:
        for one in said["subject"]:
            if "downloadLocation" in one and one["digest"]["sha256"] in self._state.removed:
                raise DeploybookError(f"evidence: {one['name']} was removed on purpose and cannot be recorded again")

    def _sign(self, tree: Tree, signers: list[Key]) -> bytes:
        bare = Checkpoint(self.origin, tree.size, b64(tree.root()))
        signatures = tuple(key.signature_of(bare.body) for key in signers)
        return Checkpoint(bare.origin, bare.size, bare.root, signatures).dump()

    def _commit(self, root: int, added: bytes, checkpoint: bytes) -> None:
        """Lines first, then the checkpoint; where the disk refuses, the lines are taken back."""
        descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, dir_fd=root)
        try:
            try:
                _write_all(descriptor, added)
                os.fsync(descriptor)
                _replace(root, CHECKPOINT, checkpoint)
            except OSError:
                if _read(self.path / CHECKPOINT) != checkpoint:
                    os.ftruncate(descriptor, self._state.offset)
                raise
        finally:
            os.close(descriptor)


def signed_part(evidence: Path) -> dict[str, bytes]:
    """The checkpoint, and exactly the lines that it counts: what is packed."""
    data = _read(evidence / CHECKPOINT)
    with _plain(evidence / LOG) as stream:
        return {CHECKPOINT: data, LOG: b"".join(islice(stream, _parse(data).size))}


def _rotation(key: str, previous: str, held: Mapping[str, Artifact] | None = None, **more: str) -> statement.Statement:
    subjects: dict[str, Artifact | str] = {"vkey": hashlib.sha256(key.encode()).hexdigest(), **(held or {})}
    return statement.key_rotation(subjects, key=key, previous=previous, **more)


def _entry(index: int, said: dict[str, Any]) -> Entry:
    subjects = {one.get("name", one["digest"]["sha256"]): one for one in said["subject"]}
    return Entry(
        index=index,
        kind=kind_of(said),
        recorded_at=said["predicate"]["recordedAt"],
        artifacts={name: one["digest"]["sha256"] for name, one in subjects.items()},
        paths={name: one["downloadLocation"] for name, one in subjects.items() if "downloadLocation" in one},
        predicate=said["predicate"],
    )


@contextlib.contextmanager
def _broken_as_error() -> Iterator[None]:
    try:
        yield
    except Broken as broken:
        raise EvidenceBroken(f"evidence/{broken}", place=broken.place) from None


def _parse(data: bytes) -> Checkpoint:
    with _broken_as_error():
        return Checkpoint.parse(data)


def _plain(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def _read(path: Path) -> bytes:
    try:
        with _plain(path) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        return b""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write(root: int, name: str, data: bytes) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=root)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(root: int, name: str, data: bytes) -> None:
    """Put a file in place whole: temporary file, fsync, rename, fsync of the folder. Only under the lock."""
    temporary = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=root)
    try:
        _write(root, temporary, data)
        os.rename(temporary, name, src_dir_fd=root, dst_dir_fd=root)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=root)
        raise
    os.fsync(root)

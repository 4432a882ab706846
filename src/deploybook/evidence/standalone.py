#!/usr/bin/env python3
"""
Check a deploybook evidence log without deploybook.

    python verify.py DIR|ZIP [--key VKEY] [--since OLD_CHECKPOINT] [--subset 5%] [--figures] [--proof ARTIFACT]

One file, Python 3.9 or newer and `cryptography`, nothing else; no network, writes nothing. Exit code 0 or 6.
Take the key, an older root and the digest of this file from the change ticket, not from the site: a site cannot
vouch for itself. The format is written down in docs/reference/evidence-format.md; this file is its reading half and
is used by the writing half too. It is one file, longer than its neighbours, because an outsider has to carry it away.
"""

# ruff: noqa: UP017, B905, RUF007 (timezone.utc, zip without strict, no pairwise: this file runs on Python 3.9)
from __future__ import annotations

import base64
import binascii
import bisect
import functools
import hashlib
import io
import json
import math
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
OWN = "urn:deploybook:evidence:"
LEAF_LIMIT = 65_535
QUERY_LIMIT = 4_096  # signs of a query that an entry holds
START = "0" * 16  # `prior` of the first entry
NO_KEY = "none"
AGREEMENT = 1e-9  # two implementations may add the same floats in another order; never seen above 1e-12

LOG, CHECKPOINT, SUMS = "log.jsonl", "checkpoint", "SHA256SUMS"
PACKED = "INDEX.csv"  # what an audit pack holds
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"sha256/([0-9a-f]{2})/([0-9a-f]{64})(?:\.[a-z0-9]{1,10}){0,2}")
_SUM_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
MEASURED = ("Value", "Baseline", "Delta", "Change", "Figure", "Last")  # columns of a page whose numbers are figures
_RECORDED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")


class Broken(Exception):
    """The evidence is not what was signed. place: the first bad line, file or page."""

    def __init__(self, place: str, what: str) -> None:
        self.place, self.what = place, what
        super().__init__(f"{place}: {what}")


# --- the tree of RFC 6962, section 2.1 ---------------------------------------------------------------------------


def leaf_hash(line: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A Merkle tree kept as its right edge, the roots of its full subtrees, largest first: adding costs log2(n)."""

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size, self.edge = size, list(edge)

    def add(self, leaf: bytes) -> None:
        self.edge.append(leaf)
        self.size += 1
        size = self.size
        while size % 2 == 0:
            right = self.edge.pop()
            self.edge.append(node_hash(self.edge.pop(), right))
            size //= 2

    def root(self) -> bytes:
        if not self.edge:
            return hashlib.sha256(b"").digest()
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> Tree:
        return Tree(self.size, self.edge)


def root_of(leaves: Iterable[bytes]) -> bytes:
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def split(size: int) -> int:
    """The largest power of two below size: where a tree of that size is cut in two."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(leaves: list[bytes], index: int) -> list[bytes]:
    """The hashes beside the way from leaf to root, the leaf's sibling first."""
    if len(leaves) == 1:
        return []
    cut = split(len(leaves))
    if index < cut:
        return [*inclusion_proof(leaves[:cut], index), root_of(leaves[cut:])]
    return [*inclusion_proof(leaves[cut:], index - cut), root_of(leaves[:cut])]


# --- checkpoint and keys: C2SP tlog-checkpoint in a signed note --------------------------------------------------


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str, place: str) -> bytes:
    """Strict: only the one spelling that b64 would give."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Broken(place, "not base64") from None
    if b64(data) != text:
        raise Broken(place, "base64 that is not written the one right way")
    return data


@dataclass(frozen=True)
class VerifyKey:
    """A public Ed25519 key as signed notes write it: name+id+base64."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str, place: str = "key") -> VerifyKey:
        name, _, rest = text.partition("+")
        raw = unb64(rest[9:], place)
        key = cls(name, raw[1:])
        if len(raw) != 33 or str(key) != text:
            raise Broken(place, "not an Ed25519 key of the form name+id+base64")
        return key

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n\x01" + self.public).digest()[:4]

    @property
    def short(self) -> str:
        return f"{self.name}+{self.id.hex()}"

    def __str__(self) -> str:
        return f"{self.short}+{b64(bytes([1]) + self.public)}"

    def accepts(self, text: str, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """How many entries there are and the root over them. signatures: (key name, 4 bytes of key id + 64 of signature)."""

    origin: str
    size: int
    root: str
    signatures: tuple[tuple[str, bytes], ...] = ()

    @property
    def signed(self) -> bool:
        return bool(self.signatures)

    @property
    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{self.root}\n"

    def dump(self) -> bytes:
        lines = "".join(f"\u2014 {name} {b64(signature)}\n" for name, signature in self.signatures)
        return (self.body + ("\n" + lines if lines else "")).encode()

    @classmethod
    def parse(cls, data: bytes, place: str = CHECKPOINT) -> Checkpoint:
        """Strict: what is read must be written back as the same bytes."""
        try:
            body, _, signed = data.decode("utf-8").partition("\n\n")
            origin, size, root = body.rstrip("\n").split("\n")
            pairs = [line.split(" ") for line in signed.split("\n")[:-1]]
            signatures = tuple((name, unb64(text, place)) for _dash, name, text in pairs)
            found = cls(origin, int(size), root, signatures)
        except (UnicodeDecodeError, ValueError):
            raise Broken(place, "not a checkpoint (origin, size, root, signatures)") from None
        fits = len(unb64(root, place)) == 32 and all(len(raw) == 68 for _, raw in signatures)
        if not fits or not re.fullmatch(r"[^\s+]+", origin) or found.dump() != data:
            raise Broken(place, "not written the one right way: a byte was changed")
        return found


def endorsement_text(origin: str, key: str) -> str:
    """What the old key signs when it hands over to a new one."""
    return f"deploybook key rotation\n{origin}\n{key}\n"


# --- entries: in-toto Statement v1, one a line --------------------------------------------------------------------


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is not allowed: no floats in an entry")


_decode = json.JSONDecoder(object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float).decode


def kind_of(statement: dict[str, Any]) -> str:
    """export, run, verdict, …; the predicate type as it stands where it is not one of ours."""
    kind: str = statement["predicateType"]
    if kind == TEST_RESULT:
        return "verdict"
    return kind[len(OWN) :].partition(":")[0] if kind.startswith(OWN) else kind


def parse_leaf(line: bytes, place: str) -> dict[str, Any]:
    """The statement of one line, or {"withheld": leaf hash} where only the hash of it was left."""
    if len(line) > LEAF_LIMIT:
        raise Broken(place, f"longer than {LEAF_LIMIT} bytes")
    try:
        entry: dict[str, Any] = _decode(line.decode("ascii"))
        if "withheld" in entry:
            good = len(entry) == 1 and len(unb64(entry["withheld"], place)) == 32
        else:
            good = entry["_type"] == STATEMENT and bool(entry["subject"]) and entry["predicateType"].isascii()
            good = good and all(_DIGEST.fullmatch(one["digest"]["sha256"]) for one in entry["subject"])
            good = good and bool(_RECORDED.fullmatch(entry["predicate"]["recordedAt"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Broken(place, f"not an entry: {error or type(error).__name__}") from None
    if not good or line.strip() != line or not line:
        raise Broken(place, "not an entry of this format")
    return entry


def hash_of(line: bytes, entry: dict[str, Any]) -> bytes:
    return base64.b64decode(entry["withheld"]) if "withheld" in entry else leaf_hash(line)


# --- folders and zip files: path with '/' -> how to open it; anything but a plain file is refused -------------------

Files = dict[str, Callable[[], BinaryIO]]


def files_of(path: str) -> Files:
    return _zip_files(path) if Path(path).is_file() else _folder_files(path)


def _folder_files(path: str) -> Files:
    found: Files = {}
    for folder, folders, files in os.walk(path):
        for name in [*folders, *files]:
            full = Path(folder, name)
            shown, mode = full.relative_to(path).as_posix(), full.lstat().st_mode
            if stat.S_ISREG(mode):
                found[shown] = functools.partial(_open_plain, full)
            elif not stat.S_ISDIR(mode):
                raise Broken(shown, "not a plain file (a symbolic link or a device)")
    return found


def _open_plain(path: Path) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def _zip_files(path: str) -> Files:
    import zipfile

    packed, found = zipfile.ZipFile(path), {}
    for entry in packed.infolist():
        name, parts = entry.filename, entry.filename.rstrip("/").split("/")
        if stat.S_ISLNK(entry.external_attr >> 16) or {"..", "."} & set(parts) or "" in parts or "\\" in name:
            raise Broken(name, "a link, or a path that leaves the zip")
        if name in found:
            raise Broken(name, "stands twice in the zip")
        if not entry.is_dir():
            found[name] = functools.partial(packed.open, entry)
    return found  # type: ignore[return-value]


def below(files: Files, folder: str) -> Files:
    return {name[len(folder) :]: opened for name, opened in files.items() if name.startswith(folder)}


def read(files: Files, name: str) -> bytes:
    with files[name]() as stream:
        return stream.read()


def digest_of(files: Files, name: str) -> str:
    found = hashlib.sha256()
    with files[name]() as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()


# --- the log as a whole -------------------------------------------------------------------------------------------


@dataclass
class Contents:
    """
    What the log says, gathered in one pass over it. held: path of an artifact -> (digest, line and name that named it).
    asked: digest of a server's answer -> (line, what the log says of its source).
    """

    leaves: list[bytes] = field(default_factory=list)
    held: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    asked: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    elsewhere: int = 0
    needed: dict[str, bool] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    withheld: list[int] = field(default_factory=list)
    keys: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    manifest: str = ""
    figures: list[str] = field(default_factory=list)
    regressed: int = 0
    tail: int = 0
    root: str = ""

    def place_of(self, digest: str) -> str:
        return next((path for path in self.held if path[10:74] == digest), "")


def _keep(contents: Contents, number: int, entry: dict[str, Any], only: tuple[str, ...]) -> None:
    kind, predicate = kind_of(entry), entry["predicate"]
    contents.regressed += predicate.get("clockWentBack") is True
    if kind == "tombstone":
        contents.tombstones.update((one["digest"]["sha256"], number) for one in entry["subject"])
        return
    if kind == "key-rotation":
        contents.keys.append((number, predicate))
        entry = {"subject": [one for one in entry["subject"] if "downloadLocation" in one]}  # a checkpoint; no key
    for one in entry["subject"]:
        digest, path = one["digest"]["sha256"], one.get("downloadLocation")
        if path is None:
            contents.elsewhere += 1
            continue
        match = _PLACE.fullmatch(path) if isinstance(path, str) else None
        if not match or match[1] != digest[:2] or match[2] != digest:
            raise Broken(f"{LOG} line {number}", "an artifact whose place is not made of its digest")
        contents.held.setdefault(path, (digest, number, str(one.get("name", ""))))
        contents.needed[path] = contents.needed.get(path, False) or not only or predicate.get("deployment") in only
        if "query" in predicate.get("source", {}):
            contents.asked.setdefault(digest, (number, predicate["source"]))
        if kind == "publication":
            contents.manifest = path
        elif one.get("name", "").endswith("figures.jsonl"):
            contents.figures.append(path)


def _first_bad_line(hashes: list[bytes], previous: list[str | None]) -> int | None:
    """The line (from 1) that is not the one its successor was written after; None where the chain is whole."""
    for index, said in enumerate(previous):
        before = hashes[index - 1].hex()[:16] if index else START
        if said is None or said == before:
            continue
        intact = index + 1 == len(previous) or previous[index + 1] in (None, hashes[index].hex()[:16])
        return index if index and intact else index + 1
    return None


def read_log(files: Files, checkpoint: Checkpoint, since: Checkpoint | None, only: tuple[str, ...] = ()) -> Contents:
    """Every signed line, parsed strictly and hashed; raises Broken at the first that is not what was signed."""
    contents, tree = Contents(), Tree()
    previous: list[str | None] = []
    if LOG not in files and checkpoint.size:
        raise Broken(LOG, "missing")
    with files[LOG]() if LOG in files else io.BytesIO() as stream:
        for raw in stream:
            number = tree.size + 1
            if number > checkpoint.size:
                contents.tail += 1
                continue
            place = f"{LOG} line {number}"
            if not raw.endswith(b"\n"):
                raise Broken(place, "cut off")
            entry = parse_leaf(raw[:-1], place)
            found = hash_of(raw[:-1], entry)
            tree.add(found)
            contents.leaves.append(found)
            if "withheld" in entry:
                contents.withheld.append(number)
                previous.append(None)
            else:
                previous.append(entry["predicate"].get("prior", ""))
                _keep(contents, number, entry, only)
            if since and tree.size == since.size and b64(tree.root()) != since.root:
                raise Broken(
                    f"{LOG} lines 1 to {number}", "are not those of the older checkpoint: history was rewritten"
                )
    bad = _first_bad_line(contents.leaves, previous)
    if bad:
        raise Broken(f"{LOG} line {bad}", "changed, or a line was taken out or put in beside it")
    if tree.size < checkpoint.size:
        raise Broken(f"{LOG} line {tree.size + 1}", f"missing: the checkpoint counts {checkpoint.size} entries")
    if since and since.size > checkpoint.size:
        raise Broken(CHECKPOINT, f"rolled back: {checkpoint.size} entries, the older checkpoint has {since.size}")
    for number in contents.withheld:
        if contents.leaves[number - 1].hex() not in contents.tombstones:
            raise Broken(f"{LOG} line {number}", "withheld, but no tombstone says so")
    contents.root = b64(tree.root())
    return contents


@dataclass
class Report:
    """What was looked at, what was not, and the first thing that is wrong."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    broken: Broken | None = None

    @property
    def ok(self) -> bool:
        return self.broken is None

    def lines(self) -> Iterator[str]:
        for text in self.checked:
            yield f"checked      {text}"
        for text in self.unchecked:
            yield f"NOT checked  {text}"
        yield f"BROKEN       {self.broken}" if self.broken else "OK           nothing that was checked has changed"


def _trusted(
    checkpoint: Checkpoint, contents: Contents, given: list[VerifyKey]
) -> tuple[list[VerifyKey], list[VerifyKey]]:
    """The keys whose signature counts, and all keys that the log names."""
    known: list[VerifyKey] = []
    trusted = list(given)
    for line, said in contents.keys:
        place = f"{LOG} line {line}"
        if said.get("key") == NO_KEY:
            continue
        key = VerifyKey.parse(str(said.get("key")), place)
        known.append(key)
        old = next((one for one in trusted if str(one) == said.get("previous")), None)
        if old and "endorsement" in said:
            if not old.accepts(endorsement_text(checkpoint.origin, str(key)), unb64(str(said["endorsement"]), place)):
                raise Broken(place, "the old key did not sign this hand-over")
            trusted.append(key)
    if not given and contents.keys and contents.keys[-1][1].get("key") != NO_KEY:
        trusted = known[-1:]
    return trusted, known


def takeovers(files: Files, contents: Contents) -> Iterator[str]:
    """Each key that began to sign without the one before it having handed over, in words."""
    before: VerifyKey | None = None
    for line, said in contents.keys:
        if said.get("key") == NO_KEY:
            continue
        key = VerifyKey.parse(str(said.get("key")), f"{LOG} line {line}")
        if before and key != before and "endorsement" not in said:
            who = f"adopted by {said['by']} because: {said.get('reason', '')}" if "by" in said else "nobody says why"
            yield (
                f"who signed lines 1 to {line - 1}: since line {line} by a second key {key.short}; the first, {before.short}, "
                f"did not hand over{last_words(files, contents, line, before)}; {who}"
            )
        before = key


def last_words(files: Files, contents: Contents, line: int, key: VerifyKey) -> str:
    """What of a log that was taken over its first key did sign, by the checkpoint that was kept of it."""
    path = next((path for path, (_, number, _) in contents.held.items() if number == line and path in files), None)
    if path is None:
        return ""
    kept = Checkpoint.parse(read(files, path), path)
    signed = any(
        name == key.name and raw[:4] == key.id and key.accepts(kept.body, raw[4:]) for name, raw in kept.signatures
    )
    if not signed or kept.root != b64(root_of(contents.leaves[: kept.size])):
        return ""
    return f", but signed the first {kept.size}"


def check_signature(
    files: Files, checkpoint: Checkpoint, contents: Contents, given: list[VerifyKey], report: Report
) -> None:
    """One trusted key must have signed; every signature must be by a key that is known, and right; the root must fit."""
    trusted, known = _trusted(checkpoint, contents, given)
    taken, signers = list(takeovers(files, contents)), []
    for name, raw in checkpoint.signatures:
        key = next((one for one in [*given, *known] if (one.name, one.id) == (name, raw[:4])), None)
        if key is None:
            raise Broken(CHECKPOINT, f"signed by {name}+{raw[:4].hex()}, which is no key of this log")
        if not key.accepts(checkpoint.body, raw[4:]):
            raise Broken(CHECKPOINT, f"the signature of {name}+{raw[:4].hex()} does not fit")
        signers.append(key)
    if contents.root != checkpoint.root:
        last = f"{LOG} line {checkpoint.size}"
        raise Broken(
            last if signers else f"{CHECKPOINT} or {last}", "the root over the lines is not the one of the checkpoint"
        )
    good = [key for key in signers if key in trusted]
    if trusted and not good:
        what = "not signed by the key that was given" if given else "the signature of the log's key is missing"
        raise Broken(CHECKPOINT, "; ".join([what, *taken]))
    report.checked.append(f"log: {checkpoint.size} entries, root {checkpoint.root}")
    report.checked.extend(f"signature: {key.short}" for key in good)
    report.unchecked.extend(taken)
    if not good:
        report.unchecked.append("signature: this log is unsigned")
    elif not given:
        report.unchecked.append("who signed: the key was read from the log itself; give --key from the change ticket")


# --- artifacts and pages ------------------------------------------------------------------------------------------


def check_artifacts(files: Files, contents: Contents, subset: float, workspace: bool, report: Report) -> None:
    """Every artifact is there or removed by a tombstone, is what its name says, and nothing else lies beside it."""
    there, removed, absent = [], 0, 0
    for path, (digest, line, name) in contents.held.items():
        if digest in contents.tombstones:
            if path in files:
                raise Broken(path, f"line {contents.tombstones[digest]} removes it, but it is here")
            removed += 1
        elif path in files:
            there.append(path)
        elif contents.needed[path]:
            raise Broken(path, f"missing; line {line} names it ({name}) and no tombstone removes it")
        else:
            absent += 1
    _check_strangers(files, contents, workspace, report)
    chosen = there
    if subset < 1:
        import random

        chosen = sorted(random.SystemRandom().sample(there, math.ceil(len(there) * subset)), key=there.index)
        report.unchecked.append(f"bytes of {len(there) - len(chosen)} of {len(there)} artifacts (--subset)")
    for path in chosen:
        digest, line, name = contents.held[path]
        if digest_of(files, path) != digest:
            raise Broken(path, f"its bytes changed since line {line} was written ({name})")
    report.checked.append(f"artifacts: {len(there)} here, bytes of {len(chosen)} read; {removed} removed by tombstone")
    if absent:
        report.unchecked.append(f"artifacts: {absent} of other deployments are not in this copy")
    if contents.elsewhere:
        report.unchecked.append(f"artifacts: {contents.elsewhere} are held elsewhere, only their digests are here")
    if contents.withheld:
        report.unchecked.append(f"withheld lines: {len(contents.withheld)}, only their hashes are here")
    if contents.regressed:
        report.checked.append(f"clock: it went back {contents.regressed} times, flagged; the order is the log's")


def _check_strangers(files: Files, contents: Contents, workspace: bool, report: Report) -> None:
    strangers = sorted(files.keys() - contents.held.keys() - {LOG, CHECKPOINT})
    if contents.tail:
        strangers.append(f"{LOG} line {len(contents.leaves) + 1}")
    for name in strangers:
        if not workspace:
            raise Broken(name, "not in the log (left by an interrupted write? then the folder wants --workspace)")
        if not re.match(r"log\.orphan-\d+$|log\.jsonl line|\.[a-z.]+\.new$|sha256/", name):
            raise Broken(name, "not in the log")
        report.unchecked.append(f"{name}: never signed, not evidence")


def check_sums(files: Files, sums: bytes, skip: str | None = None) -> int:
    """The files are those that the list names, no more, no fewer, byte for byte; their count. skip: a folder left out."""
    listed: dict[str, str] = {}
    for number, line in enumerate(sums.decode("utf-8", "replace").split("\n")[:-1], 1):
        match = _SUM_LINE.fullmatch(line)
        if not match or match[2] in listed:
            raise Broken(f"{SUMS} line {number}", "not 'digest  path', or a path that stands twice")
        listed[match[2]] = match[1]
    there = {name for name in files if name != SUMS and not (skip and name.startswith(skip))}
    for name in sorted(listed.keys() | there):
        if name not in listed:
            raise Broken(name, f"was not published: {SUMS} does not list it")
        if name not in files:
            raise Broken(name, f"missing; {SUMS} lists it")
        if digest_of(files, name) != listed[name]:
            raise Broken(name, f"changed since it was published: not the bytes that {SUMS} lists")
    return len(listed)


def check_pages(site: Files, inside: str, evidence: Files, contents: Contents, report: Report) -> None:
    """The pages are those of the last publication."""
    if not contents.manifest:
        report.unchecked.append("pages: the log holds no publication")
        return
    manifest = read(evidence, contents.manifest)
    count = check_sums(site, manifest, inside)
    if SUMS not in site or read(site, SUMS) != manifest:
        raise Broken(SUMS, "missing, or not the list that the last publication recorded")
    report.checked.append(f"pages: {count} files as in the last publication")


def check_copy(copy: Files, evidence: Files, contents: Contents, report: Report) -> None:
    """The log inside a site that was published from here is the beginning of this one, and its artifacts are the same."""
    older, removed = Checkpoint.parse(read(copy, CHECKPOINT)), 0
    if b64(root_of(contents.leaves[: older.size])) != older.root or LOG not in copy:
        raise Broken(CHECKPOINT, "that of the site is of another log than this one")
    for name in sorted(copy.keys() - {CHECKPOINT}):
        if name not in evidence and name in contents.held:
            removed += 1
        elif name == LOG and not read(evidence, LOG).startswith(read(copy, LOG)):
            raise Broken(name, "the lines in the site are not those of this log")
        elif name not in evidence or (name != LOG and digest_of(copy, name) != digest_of(evidence, name)):
            raise Broken(name, "not the same in the site as here")
    report.checked.append(f"copy of the log in the site: its {older.size} entries are the first ones here")
    if removed:
        report.unchecked.append(f"removed here, still in the site: {removed} artifacts; publish again")


def check_marked_numbers(site: Files, evidence: Files, contents: Contents, report: Report) -> None:
    """Every <data data-figure=…> of a page prints a figure of the log with its value; no measured number stands without."""
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        """
        found: [figure, value, text], the text without what is only shown on hover (data-search-exclude).
        bare: numbers outside of <data> in cells for measured ones.
        """

        def __init__(self) -> None:
            super().__init__()
            self.found: list[list[str]] = []
            self.bare: list[str] = []
            self.inside, self.hidden, self.cell = False, 0, ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            said = dict(attrs)
            if tag == "td":
                label = said.get("data-label") or ""
                self.cell = label if label in MEASURED and "db-c-number" in (said.get("class") or "") else ""
            if tag == "data" and said.get("data-figure"):
                self.inside, self.hidden = True, 0
                self.found.append([str(said["data-figure"]), said.get("value") or "", ""])
            elif self.hidden or "data-search-exclude" in said:
                self.hidden += 1

        def handle_endtag(self, tag: str) -> None:
            self.inside = self.inside and tag != "data"
            self.cell = self.cell if tag != "td" else ""
            self.hidden = max(0, self.hidden - 1)

        def handle_data(self, data: str) -> None:
            if self.inside and not self.hidden:
                self.found[-1][2] += data
            elif self.cell and not self.inside and re.search(r"\d", data):
                self.bare.append(f"{data.strip()!r} under {self.cell}")

    count = 0
    published = {
        (figure["id"], figure.get("value") or "", _plain(figure.get("display") or ""))
        for path in contents.figures
        if path in evidence
        for figure in _load_figures(evidence, path).values()
    }
    for name in sorted(name for name in site if name.endswith(".html")):
        reader = Reader()
        reader.feed(read(site, name).decode("utf-8", "replace"))
        for figure, value, text in reader.found:
            nothing = not value and not any(one[0] == figure and one[1] for one in published)
            if (figure, value, _plain(text)) not in published and not nothing:
                raise Broken(name, f"prints {text.strip()!r} for figure {figure}, which the log does not hold")
        if reader.bare:
            raise Broken(name, f"prints {reader.bare[0]}, which leads to no figure")
        count += len(reader.found)
    report.checked.append(
        f"numbers on pages: {count} lead to a figure of the log, none stands bare in a table of metrics"
    )


# --- figures: a second implementation, on purpose without the first one's code or libraries -------------------------

HOUR = 3_600_000
FRESH = 1.5  # a row stands for its time until one and a half steps later
SUM, COUNT, VALUE = "sum", "count", "value"  # columns of a scrape beside the buckets, which go by their upper edge
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ]+(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?([Zz]|UTC|[+-]\d\d:?\d\d)?")
_LABEL = re.compile(r'(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r'([^ {]+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? ([^ \r\n]+) ([^ \r\n]+)')  # OpenMetrics
Labels = frozenset[tuple[str, str]]
Scrapes = dict[Labels, dict[int, dict[Any, float]]]  # target -> time in ms UTC -> column -> value
Added = list[tuple[int, dict[Any, float]]]  # what was added up to a time, by column


class NotHere(Exception):
    """A figure that cannot be derived from this copy; says why."""


def milliseconds(text: str, zone: str = "") -> int | None:
    """ISO 8601 with Z or an offset, or a number since the epoch in s, ms, µs or ns; without a zone only where one is given."""
    import datetime as dt

    text = text.strip()
    match = _TIME.fullmatch(text)
    if not match and re.fullmatch(r"\d{6,20}(\.\d+)?", text):
        since = float(text)
        return round(
            since * next(by for most, by in ((1e11, 1e3), (1e14, 1), (1e17, 1e-3), (1e99, 1e-6)) if since < most)
        )
    if not match:
        return None
    sign, offset = match[8], dt.timezone.utc
    if sign is None:  # a time that the clocks of the zone showed exactly once
        from zoneinfo import ZoneInfo

        once, again = (_epoch(match, ZoneInfo(zone), fold) if zone else None for fold in (0, 1))
        return once if once == again else None
    if sign[0] in "+-":
        minutes = int(sign[1:3]) * 60 + int(sign[-2:])
        offset = dt.timezone(dt.timedelta(minutes=-minutes if sign[0] == "-" else minutes))
    return _epoch(match, offset)


def _epoch(match: re.Match[str], offset: Any, fold: int = 0) -> int | None:
    import datetime as dt

    year, month, day, hour, minute, second = (int(match[group] or 0) for group in range(1, 7))
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=offset, fold=fold)
    except ValueError:
        return None
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    return (moment - epoch) // dt.timedelta(milliseconds=1) + int(((match[7] or "") + "000")[:3])


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


@dataclass
class Table:
    """
    One original file: (name, labels) -> time -> value, None where the cell held no number.

    twice: where it had another value too (the larger is kept). legends: names that are headings of Grafana's wide form.
    asked: of a server's answer the line of the log that recorded it, and the query. server: its name and version.
    """

    series: dict[tuple[str, Labels], dict[int, Any]] = field(default_factory=dict)
    twice: set[tuple[str, Labels, int]] = field(default_factory=set)
    legends: set[str] = field(default_factory=set)
    asked: tuple[int, str] = (0, "")
    server: str = ""

    def add(self, key: tuple[str, Labels], at: int, value: float | None) -> None:
        rows = self.series.setdefault(key, {})
        if at in rows and rows[at] != value:
            self.twice.add((*key, at))
            value = None if value is None or rows[at] is None else max(value, rows[at])
        rows[at] = value

    def was_asked(self, line: int, source: dict[str, Any]) -> None:
        """This is what a server answered. Rows of another time than was asked for do not count."""
        self.asked, self.server = (line, str(source["query"])), str(source.get("serverVersion", ""))
        first, last = (milliseconds(source.get(end, "")) for end in ("start", "end"))
        if source.get("kind") == "prometheus" and first is not None and last is not None:
            for rows in self.series.values():
                for at in [at for at in rows if not first - 1 <= at <= last]:
                    del rows[at]


def read_table(stream: BinaryIO, name: str, zone: str = "") -> Table:
    """
    A CSV in long form (timestamp, metric, labels…, value) or wide form (a column per series), an answer of the
    Prometheus API, or OpenMetrics text.
    """
    import gzip

    packed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    whole: Any = gzip.GzipFile(fileobj=stream) if packed else stream
    start = whole.read(4096)
    whole.seek(0)
    if start.startswith((b"PAR1", b"\x28\xb5\x2f\xfd")):
        raise NotHere("Parquet and zstd originals need more than the standard library of Python")
    with io.TextIOWrapper(whole, "utf-8-sig", newline="") as text:
        if re.match(rb"\s*\{", start):
            return _read_answer(text.read())
        if re.match(rb"\s*# (HELP|TYPE|UNIT|EOF)", start) or re.search(r"\.(om|prom)\b", name):
            return _read_openmetrics(text)
        return _read_csv(text, zone)


def _read_answer(text: str) -> Table:
    table, data = Table(), json.loads(text)["data"]
    scalar = [{"metric": {}, "value": data["result"]}]
    for one in scalar if data.get("resultType") == "scalar" else data["result"]:
        key = _key(one["metric"].items())
        for at, value in one.get("values") or ([one["value"]] if "value" in one else []):
            table.add(key, round(float(at) * 1000), _number(str(value)))
    return table


def _read_openmetrics(text: io.TextIOWrapper) -> Table:
    """A line per sample; its time in seconds, or in milliseconds where it is too large for that. Other lines are not read."""
    table = Table()
    keys: dict[str, tuple[str, Labels]] = {}
    for line in text:
        found = _LINE.match(line) if line.endswith("\n") else None
        at = _number(found[4]) if found else None
        if not found or at is None:
            continue
        series = line[: found.start(3)]
        if series not in keys:
            keys[series] = _key([("__name__", found[1]), *_labels(found[2] or "")])
        table.add(keys[series], round(at * 1000 if abs(at) < 1e11 else at), _number(found[3]))
    return table


def _read_csv(text: io.TextIOWrapper, zone: str) -> Table:
    import csv

    table = Table()
    times: dict[str, int | None] = {}
    keys: dict[Any, tuple[str, Labels]] = {}
    first = text.readline()
    if first.startswith("sep="):  # a line for Excel
        first = text.readline()
    delimiter = max(",;\t", key=first.count)
    header = next(csv.reader([first], delimiter=delimiter), [])
    lower = [name.strip().lower() for name in header]

    def column(*names: str) -> int | None:
        return next((lower.index(name) for name in names if name in lower), None)

    when, value = column("timestamp", "time", "ts", "datetime", "date") or 0, column("value", "_value")
    metric, others = column("metric", "__name__", "metric_name"), enumerate(header)
    heads = [(at, "__name__" if at == metric else name) for at, name in others if at not in (when, value)]
    for row in csv.reader(text, delimiter=delimiter):
        if len(row) == len(header) and row[when] not in times:
            times[row[when]] = milliseconds(row[when], zone)
        at = times[row[when]] if len(row) == len(header) else None
        if at is None:
            continue
        if value is None:
            for index, head in heads:
                if row[index] != "":
                    table.add(keys.get(index) or keys.setdefault(index, _heading(head, table)), at, _number(row[index]))
        else:
            said = tuple(row[index] for index, _ in heads)
            key = keys.get(said) or keys.setdefault(said, _key([(name, row[index]) for index, name in heads]))
            table.add(key, at, _number(row[value]))
    return table


def _heading(head: str, table: Table) -> tuple[str, Labels]:
    """name{label="value", …}; a heading alone is the name of the metric or, among others, its label `series`."""
    name, brace, rest = head.strip().partition("{")
    if brace:
        return _key([("__name__", name), *_labels(rest)])
    table.legends.add(head)
    return head, frozenset({("series", head)})


def _labels(text: str) -> Iterator[tuple[str, str]]:
    escapes = {"\\": "\\", '"': '"', "n": "\n"}
    for label, said in _LABEL.findall(text):
        yield label, re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[0]), said)


def _key(pairs: Iterable[tuple[str, str]]) -> tuple[str, Labels]:
    """Name, and labels without the empty ones."""
    labels = {label: text for label, text in pairs if text != ""}
    return labels.pop("__name__", ""), frozenset(labels.items())


def parts_of(tables: list[Table], name: str, kind: str) -> list[tuple[int, Scrapes]]:
    """
    The scrapes of one metric, file by file. The answers of a server are one file, in which a later one counts; they are
    scrapes as they were made, so that each target has a step of its own.
    """
    answers = Table()
    for one in sorted((one for one in tables if one.asked[0]), key=lambda one: one.asked):
        for key, rows in one.series.items():
            answers.series[key] = {**answers.series.get(key, {}), **rows}
    found = scrapes_of(answers, name, kind)[1]
    own = [(_step([sorted(times)]), {target: times}) for target, times in found.items()]
    return own + [scrapes_of(one, name, kind) for one in tables if not one.asked[0]]


def scrapes_of(table: Table, name: str, kind: str) -> tuple[int, Scrapes]:
    """
    The step of a file, and the scrapes of one metric in it. A scrape is missing as a whole where one of its cells is no
    number, where a count is below zero, or where it lacks columns that the scrapes beside it have (a torn one).
    """
    found: Scrapes = {}
    lost = set()
    for (series, labels), rows in table.series.items():
        placed = _column(table, series, dict(labels), name, kind)
        if placed is None:
            continue
        column, target = placed
        times = found.setdefault(target, {})
        for at, value in rows.items():
            below = kind != "gauge" and column != SUM and value is not None and value < 0
            if value is None or below or (kind == "gauge" and (series, labels, at) in table.twice):
                lost.add((target, at))
            else:
                times.setdefault(at, {})[column] = value
    for target, at in lost:
        found[target].pop(at, None)
    for times in found.values():
        for at in _torn(times):
            del times[at]
    return _step([sorted(times) for times in found.values()]), found


def _column(table: Table, series: str, labels: dict[str, str], name: str, kind: str) -> tuple[Any, Labels] | None:
    """Where a series belongs among the columns of a metric's scrapes, and whose they are."""
    if kind == "histogram":
        edge = labels.pop("le", "") if series == f"{name}_bucket" else None
        column: Any = {f"{name}_sum": SUM, f"{name}_count": COUNT}.get(series)
        column = column if edge is None else _edge(edge)
        return None if column is None else (column, frozenset(labels.items()))
    if series == name or (series in table.legends and len(table.legends) == 1):
        labels.pop("series" if series in table.legends else "", None)
    elif series and series not in table.legends:
        return None
    return VALUE, frozenset(labels.items())


def _edge(text: str) -> float | None:
    """25 and 25.0 are one bucket."""
    try:
        return float(text)
    except ValueError:
        return None


def _torn(times: dict[int, dict[Any, float]]) -> list[int]:
    order = sorted(times)
    has = [times[at].keys() for at in order]
    last = len(order) - 1
    return [
        at
        for index, at in enumerate(order)
        if last and (index == 0 or has[index] < has[index - 1]) and (index == last or has[index] < has[index + 1])
    ]


def _step(many: list[list[int]]) -> int:
    """The most frequent distance of two rows of a series; of scrapes that jitter, to the full second."""
    gaps = Counter(after - before for times in many for before, after in zip(times, times[1:]))
    if gaps and max(gaps.values()) * 3 < sum(gaps.values()) and min(gaps) >= 1000:
        gaps = Counter(round(gap / 1000) * 1000 for gap in gaps.elements())
    return min(gaps, key=lambda gap: (-gaps[gap], gap)) if gaps else 0


def joined(parts: list[tuple[int, Scrapes]], kind: str) -> dict[Labels, dict[int, tuple[int, dict[Any, float]]]]:
    """
    All files of a metric: target -> time -> (step, columns). Rows of a coarser file between two of a finer one are left
    out. Where two files have the same time, of a counter the larger counts, of a gauge the finer file's.
    """
    rows: dict[Labels, dict[int, tuple[int, dict[Any, float]]]] = {}
    for step, found in sorted(parts, key=lambda part: part[0]):
        for target, times in found.items():
            mine = rows.setdefault(target, {})
            for at, columns in times.items():
                kept = mine.setdefault(at, (step, dict(columns)))[1]
                if kind != "gauge":
                    kept.update((column, max(value, kept.get(column, value))) for column, value in columns.items())
    for mine in rows.values():
        for step in sorted({step for step, _ in mine.values()} - {0})[1:]:
            finer = sorted(at for at, (other, _) in mine.items() if 0 < other < step)
            for at in [at for at, (other, _) in mine.items() if other == step]:
                place = bisect.bisect_left(finer, at)
                if 0 < place < len(finer) and finer[place] - finer[place - 1] <= step:
                    del mine[at]
    return rows


class Line:
    """One target: its times ascending, and the step and columns of each row. server: that gave them."""

    def __init__(self, target: Labels, rows: dict[int, tuple[int, dict[Any, float]]], server: str = "") -> None:
        self.labels, self.times, self.server = dict(target), sorted(rows), server
        self.columns = [self._with_totals(rows[at][1]) for at in self.times]
        self._added: dict[tuple[int, int], Added] = {}
        self.steps = self._steps([rows[at][0] for at in self.times])

    @staticmethod
    def _with_totals(columns: dict[Any, float]) -> dict[Any, float]:
        """A +Inf bucket and a _count say the same; one stands in for the other."""
        if VALUE not in columns and (math.inf in columns) != (COUNT in columns):
            total = columns.get(math.inf, columns.get(COUNT, 0.0))
            return {**columns, math.inf: total, COUNT: total}
        return columns

    @staticmethod
    def _change(before: dict[Any, float], now: dict[Any, float]) -> dict[Any, float]:
        """A count that fell means that the target started again: everything since then is what stands there now."""
        if any(value < before.get(column, value) for column, value in now.items() if column != SUM):
            return now
        return {column: value - before[column] for column, value in now.items() if column in before}

    def _steps(self, steps: list[int]) -> list[int]:
        """A row that two files share counts as finer between finer rows; a step that is not known is the usual distance."""
        if len(steps) > 1 and 0 in steps:
            usual = int(value_quantile(0.5, [after - before for before, after in zip(self.times, self.times[1:])]))
            steps = [step or usual for step in steps]
        inner = [min(step, max(before, after)) for before, step, after in zip(steps, steps[1:], steps[2:])]
        return [*steps[:1], *inner, *steps[-1:]] if len(steps) > 2 else steps

    def increments(self, start: int, end: int) -> Added:
        """From the state at start, the last row at or before it (the first inside where that is too old), to that at end."""
        first = bisect.bisect_right(self.times, start) - 1
        if first < 0 or start - self.times[first] > FRESH * self.steps[first]:
            first += 1
        last = bisect.bisect_right(self.times, end)
        if (first, last) not in self._added:
            pairs = zip(self.columns[first:last], self.columns[first + 1 : last])
            self._added[first, last] = list(zip(self.times[first + 1 : last], (self._change(*pair) for pair in pairs)))
        return self._added[first, last]

    def extrapolated(self, start: int, end: int) -> Added:
        """
        increase() of each column as the server's version has it: promql/functions.go, extrapolatedRate. Ranges leave out
        their start since 3.0; before 2.51 the limit at a counter's zero came first.
        """
        found = re.match(r"prometheus (\d+)\.(\d+)", self.server)
        version = (int(found[1]), int(found[2])) if found else (3, 0)
        first = (bisect.bisect_right if version >= (3, 0) else bisect.bisect_left)(self.times, start)
        last = bisect.bisect_right(self.times, end)
        if last - first < 2:
            return []
        rows, sampled = self.columns[first:last], (self.times[last - 1] - self.times[first]) / 1000
        head, tail, between = (
            (self.times[first] - start) / 1000,
            (end - self.times[last - 1]) / 1000,
            sampled / (last - first - 1),
        )
        added: dict[Any, float] = {}
        for column in set(rows[0]).intersection(*rows):
            values = [row[column] for row in rows]
            raw = values[-1] - values[0] + math.fsum(old for old, now in zip(values, values[1:]) if now < old)
            zero = sampled * values[0] / raw if raw > 0 and values[0] >= 0 else math.inf
            before = min(head, zero) if version < (2, 51) else head
            before = min(between / 2 if before >= between * 1.1 else before, zero)
            added[column] = raw * (sampled + before + (tail if tail < between * 1.1 else between / 2)) / sampled
        return [(end, added)]

    def rows(self, start: int, end: int) -> list[tuple[int, float, int]]:
        """(time, value, step) with start <= time < end."""
        inside = range(bisect.bisect_left(self.times, start), bisect.bisect_left(self.times, end))
        return [(self.times[index], self.columns[index][VALUE], self.steps[index]) for index in inside]


def _matches(labels: dict[str, str], conditions: Iterable[Any]) -> bool:
    for name, operator, wanted in conditions:
        found = labels.get(name, "")
        hit = found == wanted if operator in ("=", "!=") else re.fullmatch(wanted, found, re.DOTALL) is not None
        if hit == operator.startswith("!"):
            return False
    return True


def with_zeros(rows: dict[Labels, Any], up: list[Line], where: list[Any]) -> dict[Labels, Any]:
    """`missing: zero`: rows where `up` is 1 and the counter has none, 0 before its first row and unchanged after it."""
    targets = [one for one in up if _matches(one.labels, (each for each in where if each[0] in one.labels))]
    known, made = [dict(labels) for labels in rows], dict(rows)

    def same(one: dict[str, str], other: dict[str, str]) -> bool:
        both = one.keys() & other.keys()
        return bool(both) and all(one[label] == other[label] for label in both)

    for target in targets:
        there = [(at, step) for at, value, step in target.rows(-(10**15), 10**15) if value == 1]
        mine = [
            labels for labels in known if next((one for one in targets if same(labels, one.labels)), None) is target
        ]
        for labels in mine:
            own = dict(rows[frozenset(labels.items())])
            times = sorted(own)
            for at, step in there:
                place = bisect.bisect_right(times, at) - 1
                if place < 0 or at - times[place] > step / 2:
                    own[at] = (step, {VALUE: own[times[place]][1][VALUE] if place >= 0 else 0.0})
            made[frozenset(labels.items())] = own
        shared = any(labels.keys() & target.labels.keys() for labels in known)
        if (shared or not known) and not any(same(labels, target.labels) for labels in known):
            made[frozenset(target.labels.items())] = {at: (step, {VALUE: 0.0}) for at, step in there}
    return made


def bucket_quantile(q: float, buckets: dict[float, float]) -> float | None:
    """
    As Prometheus does for classic histograms (promql/quantile.go): linear inside the bucket, the lowest one from 0,
    the upper edge of the last finite bucket where the quantile lies above it. buckets: upper edge -> cumulative count.
    """
    edges = sorted(buckets)
    if len(edges) < 2 or edges[-1] != math.inf:
        return None
    counts: list[float] = []
    for edge in edges:
        counts.append(max(buckets[edge], counts[-1] if counts else 0.0))
    if not counts[-1] > 0:
        return None
    rank = q * counts[-1]
    at = next((index for index in range(len(edges) - 1) if counts[index] >= rank), len(edges) - 1)
    if at == len(edges) - 1:
        return edges[-2]
    if at == 0 and edges[0] <= 0:
        return edges[0]
    low, below = (edges[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    inside = counts[at] - below
    return low + (edges[at] - low) * ((rank - below) / inside) if inside else low


def value_quantile(q: float, values: list[Any]) -> float:
    """Linear between order statistics (Hyndman and Fan 1996, type 7)."""
    ordered, position = sorted(values), q * (len(values) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (position - low))


Figure = dict[str, Any]


class Deriver:
    """
    Derives the figures of one figures.jsonl from the original files, which `table` gives by digest and zone.

    kept: what was joined already; may be shared by the figures of one log, whose originals never change.
    """

    def __init__(
        self, figures: dict[str, Figure], table: Callable[[str, str], Table], kept: dict[str, Any] | None = None
    ) -> None:
        self.figures, self._table = {name: {**figure, "id": name} for name, figure in figures.items()}, table
        self._kept: dict[str, Any] = {} if kept is None else kept
        self._values: dict[str, float | None] = {}
        self._partners: dict[str, str] = {}
        for figure in figures.values():
            if figure["op"].startswith("change_"):
                now, before = figure["args"]["now"], figure["args"]["baseline"]
                self._partners.update({now: before, before: now})

    def value(self, name: str) -> float | None:
        """The figure in the unit of the page; None where there is nothing to measure. NotHere where it cannot be told."""
        if name not in self._values:
            self._values[name] = self._value(self.figures[name])
        return self._values[name]

    def _value(self, figure: Figure) -> float | None:
        op = figure["op"]
        if op.startswith("change_"):
            return self._change(op, *(self.figures[figure["args"][end]] for end in ("now", "baseline")))
        if figure.get("own_columns"):
            raise NotHere("the source names columns of its own")
        found = _OPS[op](self, figure, *self._window(figure))
        return None if found is None else found * float(figure.get("scale") or "1")

    def _window(self, figure: Figure) -> tuple[int, int]:
        start, end = (milliseconds(text) for text in figure["window"])
        if start is None or end is None:
            raise ValueError("a window without times")
        return start, end

    def _change(self, op: str, now: Figure, before: Figure) -> float | None:
        if now["op"].startswith("change_") or before["op"].startswith("change_"):
            raise ValueError("a change of a change")
        new, old = self.value(now["id"]), self.value(before["id"])
        if new is None or old is None:
            return None
        if op == "change_relative":
            return (new - old) / old if old else None
        return new - old

    def lines(
        self, figure: Figure, kind: str = "counter", names: Iterable[str] = (), more: Iterable[Any] = ()
    ) -> list[Line]:
        """The targets of a metric that its conditions choose, of all its names; the first name's row wins."""
        wanted = list(names) or [figure["name"], *(figure.get("also_named") or [])]
        by = [[label, "=", value] for label, value in (figure.get("by") or {}).items()]
        late = [*by, *more]
        return [line for line in self._joined(figure, kind, wanted) if _matches(line.labels, late)]

    def _joined(self, figure: Figure, kind: str, names: list[str]) -> list[Line]:
        where = list(figure.get("where") or []) if names != ["up"] else []
        zeros = bool(figure.get("missing_is_zero")) and kind == "counter"
        key = json.dumps([kind, names, where, zeros, figure["inputs"], figure.get("zone")])
        if key not in self._kept:
            tables = [self._table(digest, figure.get("zone") or "") for digest in sorted(set(figure["inputs"]))]
            server = max((one.asked, one.server) for one in tables)[1] if tables else ""
            rows = self._rows(tables, kind, names, where)
            if zeros:
                rows = with_zeros(rows, self._joined(figure, "gauge", ["up"]), where)
            chosen = sorted(rows.items(), key=lambda item: sorted(item[0]))
            self._kept[key] = [Line(labels, times, server) for labels, times in chosen if times]
        return self._kept[key]  # type: ignore[no-any-return]

    def _rows(self, tables: list[Table], kind: str, names: list[str], where: list[Any]) -> dict[Labels, Any]:
        whole: dict[Labels, Any] = {}
        for name in names:
            for labels, times in joined(parts_of(tables, name, kind), kind).items():
                if _matches(dict(labels), where):
                    whole[labels] = {**times, **whole.get(labels, {})}
        return whole

    def server_side(self, figure: Figure, start: int, end: int) -> float | None:
        """What the server answered to the query at the end of the window, in one series; the last time it was asked."""
        query = str(figure.get("query", "")).replace("$window", f"{end - start}ms")[:QUERY_LIMIT]
        tables = [self._table(digest, "") for digest in figure["inputs"]]
        answers = sorted((one for one in tables if query and one.asked[1] == query), key=lambda one: one.asked)
        if not answers:
            raise NotHere("the server evaluated the query, and its answer is not in the log")
        by = [[label, "=", value] for label, value in (figure.get("by") or {}).items()]
        series = [(labels, rows) for one in answers for (_, labels), rows in one.series.items() if end in rows]
        found = {labels: rows[end] for labels, rows in series if _matches(dict(labels), by)}
        return next(iter(found.values())) if len(found) == 1 else None

    def added(self, figure: Figure, lines: list[Line]) -> list[Added]:
        """What was added to each target over the figure's window, in its arithmetic."""
        extrapolated = figure.get("arithmetic", "raw") == "prometheus" and figure["op"] != "worst_hour"
        return [(line.extrapolated if extrapolated else line.increments)(*self._window(figure)) for line in lines]

    def increase(self, figure: Figure, lines: list[Line]) -> float | None:
        added = self.added(figure, lines)
        return math.fsum(columns[VALUE] for one in added for _, columns in one) if any(added) else None

    def _buckets(self, figure: Figure) -> tuple[set[Any], list[dict[Any, float]]]:
        """The bucket edges that hold for the whole window, and what was added in it."""
        every = self.added(figure, self.lines(figure, "histogram"))
        added = [columns for one in every for _, columns in one]
        held = set(added[0]).intersection(*added) if added else set()
        return held - {SUM, COUNT}, added

    def histogram_quantile(self, figure: Figure, start: int, end: int) -> float | None:
        """Off the edges that hold for the whole window; where it is compared, off those that both windows have, if any."""
        edges, added = self._buckets(figure)
        if partner := self.figures.get(self._partners.get(figure["id"], "")):
            common = edges & self._buckets(partner)[0]
            edges = common if math.inf in common and len(common) > 1 else edges
        counts = {edge: math.fsum(columns[edge] for columns in added) for edge in edges}
        return bucket_quantile(float(figure["args"]["q"]), counts)

    def histogram_mean(self, figure: Figure, start: int, end: int) -> float | None:
        _, added = self._buckets(figure)
        requests = math.fsum(columns.get(COUNT, 0.0) for columns in added)
        if not requests > 0 or any(SUM not in columns for columns in added):
            return None
        return math.fsum(columns[SUM] for columns in added) / requests

    def counter_increase(self, figure: Figure, start: int, end: int) -> float | None:
        return self.increase(figure, self.lines(figure))

    def worst_hour(self, figure: Figure, start: int, end: int) -> float | None:
        """The largest increase over any (s, s + 1 h] inside the window, s the time of one of its rows or its start."""
        lines = self.lines(figure)
        total = self.increase(figure, lines)
        if total is None or end - start < HOUR:
            return total
        added = sorted((at, columns[VALUE]) for line in lines for at, columns in line.increments(start, end))
        times, sums = [at for at, _ in added], [0.0]
        for _, amount in added:
            sums.append(sums[-1] + amount)
        starts = {start, *(at for at in times if at <= end - HOUR)}
        return max(sums[bisect.bisect_right(times, at + HOUR)] - sums[bisect.bisect_right(times, at)] for at in starts)

    def ratio(self, figure: Figure, start: int, end: int) -> float | None:
        total = figure.get("total_name")
        good = self.lines(figure, more=figure.get("good") or [])
        whole = self.increase(figure, self.lines(figure, names=[total] if total else ()))
        return (self.increase(figure, good) or 0.0) / whole if whole else None

    def gauge(self, figure: Figure, start: int, end: int) -> float | None:
        """Of all rows of all targets, each for its step; the last: the mean of the last row of each target."""
        inside = [rows for line in self.lines(figure, "gauge") if (rows := line.rows(start, end))]
        op = figure["op"][len("gauge_") :]
        if not inside:
            return None
        if op == "last":
            return math.fsum(rows[-1][1] for rows in inside) / len(inside)
        unit = functools.reduce(math.gcd, (step for rows in inside for _, _, step in rows)) or 1
        even = len({step for rows in inside for _, _, step in rows}) == 1
        values = [
            value for rows in inside for _, value, step in rows for _ in range(1 if even else min(step // unit, 1000))
        ]
        if op in ("median", "quantile"):
            return value_quantile(0.5 if op == "median" else float(figure["args"]["q"]), values)
        return {"min": min, "max": max}.get(op, lambda found: math.fsum(found) / len(found))(values)


_OPS: dict[str, Callable[[Deriver, Figure, int, int], float | None]] = {
    "histogram_quantile": Deriver.histogram_quantile,
    "histogram_mean": Deriver.histogram_mean,
    "increase": Deriver.counter_increase,
    "worst_hour": Deriver.worst_hour,
    "ratio": Deriver.ratio,
    "server_side": Deriver.server_side,
    **{f"gauge_{one}": Deriver.gauge for one in ("mean", "median", "min", "max", "last", "quantile")},
}


def _plain(text: str) -> str:
    """A printed number with ASCII signs and without spaces, so that typography is not compared."""
    return "".join(text.split()).replace("\u2212", "-").replace("\u00a0", "").replace("\u202f", "")


def _prints(value: float, figure: dict[str, Any]) -> bool:
    """The first number of `display` is the value rounded half-even to `decimals`; a share (unit 1) shown in % times 100."""
    shown = _plain(figure["display"]).replace(",", "")
    value *= 100 if figure.get("unit") == "1" and "%" in shown else 1
    wanted = f"{value:.{int(figure['decimals'])}f}"
    found = re.search(r"[+-]?\d+(?:\.\d+)?", shown)
    return found is not None and (found[0].lstrip("+") == wanted or float(wanted) == float(found[0]) == 0)


def _load_figures(files: Files, path: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(read(files, path).decode("utf-8").splitlines(), 1):
        try:
            figure = json.loads(line, object_pairs_hook=_once)
            known = figure["op"] in _OPS or figure["op"].startswith("change_")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Broken(f"{path} line {number}", "not a figure") from None
        if not known or figure["id"] in found:
            raise Broken(f"{path} line {number}", "an operation that is not in the list, or an id that stands twice")
        found[figure["id"]] = figure
    return found


def check_figures(files: Files, contents: Contents, report: Report) -> None:
    """Every published figure, derived again from the original files."""

    @functools.lru_cache(maxsize=12)
    def table(digest: str, zone: str) -> Table:
        path = contents.place_of(digest)
        if path not in files:
            raise NotHere("an original is not in this copy, or only its digest was kept")
        with files[path]() as stream:
            found = read_table(stream, path, zone)
        if digest in contents.asked:
            found.was_asked(*contents.asked[digest])
        return found

    exact = close = 0
    kept: dict[str, Any] = {}
    skipped: Counter[str] = Counter()
    for path in contents.figures:
        if path not in files:
            skipped["its figures.jsonl is not in this copy"] += 1
            continue
        deriver = Deriver(_load_figures(files, path), table, kept)
        for number, (name, figure) in enumerate(deriver.figures.items(), 1):
            try:
                value = deriver.value(name)
            except NotHere as reason:
                skipped[str(reason)] += 1
                continue
            except (KeyError, ValueError, TypeError, AttributeError, re.error, OSError, EOFError) as error:
                raise Broken(f"{path} line {number}", f"figure {name} cannot be derived: {error!r}") from None
            published = float(figure["value"]) if figure.get("value") not in (None, "") else None
            _compare(f"{path} line {number}", figure, published, value)
            exact, close = exact + (published == value), close + (published != value)
    if exact or close:
        report.checked.append(f"figures: {exact + close} derived again, 0 differ ({close} only in the last bits)")
    report.unchecked.extend(f"figures: {count} not derived: {reason}" for reason, count in sorted(skipped.items()))


def _compare(place: str, figure: dict[str, Any], published: float | None, value: float | None) -> None:
    if value is None or published is None:
        if value is not None or published is not None:
            raise Broken(place, f"figure {figure['id']}: published {published}, derived {value}")
        return
    if not math.isclose(published, value, rel_tol=AGREEMENT, abs_tol=1e-12):
        raise Broken(place, f"figure {figure['id']}: published {published!r}, derived {value!r}")
    if figure.get("display") and not _prints(published, figure):
        raise Broken(place, f"figure {figure['id']}: {published!r} is printed as {figure['display']!r}")


# --- all of it ----------------------------------------------------------------------------------------------------


def locate(path: str, pages: str | None = None) -> tuple[Files, Files, str]:
    """
    The evidence folder, the site or pack around it (no files where it is unknown), and the one's place in the other.

    path: a folder or a zip. The evidence folder is the one with the checkpoint; the site is the nearest one above it with
    SHA256SUMS, else all of it.
    """
    whole = files_of(path)
    home = _home(whole)
    if home is None:
        raise Broken(path, "no evidence log here (no file named checkpoint)")
    if pages:
        site = files_of(pages)
        return below(whole, home), site, _home(site) or ""
    above = ["/".join(home.split("/")[:depth]) + "/" for depth in range(home.count("/") - 1, 0, -1)] + [""]
    root = next((one for one in above if one + SUMS in whole), "")
    return below(whole, home), below(whole, root) if home else {}, home[len(root) :]


def _home(files: Files) -> str | None:
    """The folder of the checkpoint, with its '/'; the outermost of several."""
    homes = [name[: -len(CHECKPOINT)] for name in files if name == CHECKPOINT or name.endswith("/" + CHECKPOINT)]
    return min(homes, key=len, default=None)


def _older(text: str) -> Checkpoint:
    """An older checkpoint: its file, or 'SIZE ROOT' as printed at the foot of a report."""
    match = re.fullmatch(r"(\d+)[ :]([A-Za-z0-9+/]{43}=)", text.strip())
    if match:
        return Checkpoint("given", int(match[1]), match[2])
    return Checkpoint.parse(Path(text).read_bytes(), text)


def verify(path: str, **options: Any) -> Report:
    """
    Everything that can be checked, until the first thing that is wrong. path: the site, the evidence folder, or a zip.

    Options are those of `examine`. Never raises for what it reads: Report.broken says what is wrong.
    """
    report = Report()
    try:
        examine(report, path, **options)
    except Broken as broken:
        broken.__traceback__ = broken.__context__ = None  # their frames would keep a zip open
        report.broken = broken
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        report.broken = Broken(path, f"cannot be read: {type(error).__name__}: {error}")
    return report


def examine(
    report: Report,
    path: str,
    *,
    pages: str | None = None,
    keys: Iterable[str] = (),
    since: str = "",
    subset: float = 1.0,
    figures: bool = False,
    only: Iterable[str] = (),
    workspace: bool = False,
) -> None:
    """
    Fill the report, or raise at the first thing that is wrong.

    pages: the built site where it is not around path. since: an older checkpoint. subset: share of artifacts to read.
    only: deployments whose artifacts must be here (an audit pack). workspace: leftovers of an interrupted write are told,
    not an error.
    """
    evidence, site, inside = locate(path, pages)
    checkpoint = Checkpoint.parse(read(evidence, CHECKPOINT))
    older = _older(since) if since else None
    only = tuple(only)
    if not only and site and PACKED in site:
        only = packed(site)
        report.unchecked.append(f"which deployments belong here: {PACKED} says; --only asks for those you want")
    contents = read_log(evidence, checkpoint, older, only)
    check_signature(evidence, checkpoint, contents, [VerifyKey.parse(key) for key in keys], report)
    if older:
        report.checked.append(f"history: the first {older.size} entries are those of the older checkpoint")
    else:
        report.unchecked.append("history: a return to an older signed state shows only with --since OLD_CHECKPOINT")
    check_artifacts(evidence, contents, subset, workspace, report)
    if only and site:
        report.checked.append(f"pack: {check_sums(site, read(site, SUMS))} files as in {SUMS}")
    elif site:
        check_pages(site, inside, evidence, contents, report)
        if pages and inside:
            check_copy(below(site, inside), evidence, contents, report)
        check_marked_numbers(site, evidence, contents, report)
    else:
        report.unchecked.append("pages: this is the log alone; give the site around it")
    if figures:
        check_figures(evidence, contents, report)
    else:
        report.unchecked.append("figures: not derived again (--figures)")


def packed(site: Files) -> tuple[str, ...]:
    """The deployments that an audit pack says it holds; '' among them, so that they are never all that there are."""
    import csv

    rows = csv.DictReader(io.StringIO(read(site, PACKED).decode()))
    return tuple(sorted({"", *(row.get("deployment") or "" for row in rows)}))


def usage(path: str, pages: str | None, keys: Iterable[str], since: str, subset: str) -> float:
    """The share that --subset asks for; ValueError says which argument cannot be meant."""
    for place in (path, pages or path):
        if not Path(place).exists():
            raise ValueError(f"{place}: no such file or folder")
    try:
        for key in keys:
            VerifyKey.parse(key, f"--key {key}")
        if since:
            _older(since)
    except Broken as broken:
        raise ValueError(str(broken)) from None
    except OSError:
        raise ValueError(f"--since {since}: write 'SIZE ROOT', or the path of an older checkpoint") from None
    share = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", subset)
    if not share or not 0 < float(share[1]) <= 100:
        raise ValueError(f"--subset {subset}: write a share such as 5%")
    return float(share[1]) / 100


def proof(path: str, artifact: str) -> str:
    """The inclusion proof of the entry that recorded an artifact (its digest, or a file), as a C2SP tlog-proof."""
    if not _DIGEST.fullmatch(artifact):
        artifact = hashlib.sha256(Path(artifact).read_bytes()).hexdigest()
    evidence, _, _ = locate(path)
    text = read(evidence, CHECKPOINT)
    checkpoint = Checkpoint.parse(text)
    contents = read_log(evidence, checkpoint, None)
    line = next((line for digest, line, _ in contents.held.values() if digest == artifact), None)
    if line is None:
        raise Broken(artifact, "no entry of the log records it")
    hashes = "".join(f"{b64(one)}\n" for one in inclusion_proof(contents.leaves, line - 1))
    return f"c2sp.org/tlog-proof@v1\nindex {line - 1}\n{hashes}\n{text.decode()}"


def main(arguments: list[str] | None = None) -> int:
    import argparse

    parser = argparse.ArgumentParser(description="Check a deploybook evidence log: a site, its evidence, or a zip.")
    add = parser.add_argument
    add("path", metavar="DIR|ZIP")
    add("--key", action="append", default=[], help="public key, from the change ticket, not from the site")
    add("--since", default="", help="an older checkpoint: a file, or 'SIZE ROOT' from the foot of a report")
    add("--subset", default="100%", help="read only this share of the artifacts' bytes, such as 5%%")
    add("--figures", action="store_true", help="derive every published figure again")
    add("--only", default="", help="an audit pack: the deployments that it holds, with commas")
    add("--pages", help="the built site, where it is not around DIR")
    add("--workspace", action="store_true", help="what an interrupted write left is reported, not an error")
    add("--proof", metavar="ARTIFACT", help="print the inclusion proof of a file or digest")
    asked = parser.parse_args(arguments)
    try:
        subset = usage(asked.path, asked.pages, asked.key, asked.since, asked.subset)
        if asked.proof:
            sys.stdout.write(proof(asked.path, asked.proof))
            return 0
    except ValueError as error:
        parser.exit(2, f"{error}\n")
    except Broken as broken:
        print(f"BROKEN       {broken}")
        return 6
    only = [slug for slug in asked.only.split(",") if slug]
    about: dict[str, Any] = {"pages": asked.pages, "keys": asked.key, "since": asked.since, "only": only}
    report = verify(asked.path, **about, subset=subset, figures=asked.figures, workspace=asked.workspace)
    for line in report.lines():
        print(line.encode("ascii", "backslashreplace").decode())
    return 0 if report.ok else 6


if __name__ == "__main__":
    sys.exit(main())

"""The evidence behind a report: originals, hand-written files, artifacts that the records name, held or not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import exports
from ..facts import EvidenceItem
from ..model import ArtifactRecord, Data, Records

MESSAGE = "message"  # the kind of an original that we sent ourselves
HAND_WRITTEN = ("deployment.yml", "journal.md", "records.yml")


def evidence(folder: Path, records: Records, data: Data, *, messages: bool) -> tuple[EvidenceItem, ...]:
    """Every row of the evidence table, numbered E-01, E-02 … in a fixed order. messages: also those that went out."""
    items = [*originals(folder, data), *hand_written(folder), *named(records)]
    items += sent(folder) if messages else []
    seen: dict[tuple[str, str], EvidenceItem] = {}
    for item in items:
        seen.setdefault((item.digest or item.name, "" if item.digest else item.path), item)
    return tuple(replace(item, number=f"E-{count:02d}") for count, item in enumerate(seen.values(), 1))


def originals(folder: Path, data: Data) -> list[EvidenceItem]:
    """The originals the samples came from: files with their path, answers with their query."""
    known: dict[str, EvidenceItem] = {}
    metrics: dict[str, set[str]] = {}
    for entry, original in inputs(folder, messages=False):
        digest = str(original["sha256"])
        metrics.setdefault(digest, set()).add(str(entry["metric"]))
        path = str(original.get("path") or "")
        known[digest] = EvidenceItem(
            name=f"answer of {entry['source']}" if original.get("query") else Path(path).name,
            kind="export",
            digest=digest,
            size=int(original.get("size", 0)),
            origin=str(original.get("query") or path),
            path=path,
            start_ms=int(original.get("start_ms") or 0),
            end_ms=int(original.get("end_ms") or 0),
        )
    for samples in data.samples.values():
        for digest in samples.inputs:
            metrics.setdefault(digest, set()).add(samples.name)
            known.setdefault(
                digest, EvidenceItem(name=samples.name, kind="export", digest=digest, origin=samples.source)
            )
    return [
        replace(item, metrics=tuple(sorted(metrics[digest])))
        for digest, item in sorted(known.items(), key=lambda pair: (pair[1].path, pair[1].name, pair[0]))
    ]


def hand_written(folder: Path) -> list[EvidenceItem]:
    """The files people wrote for this deployment."""
    paths = [folder / name for name in HAND_WRITTEN]
    paths += sorted([*folder.glob("records/*"), *folder.glob("notes/*.md")])
    found = []
    for path in paths:
        if not path.is_file() or path.is_symlink():
            continue
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        digest = hashlib.sha256(content).hexdigest()
        found.append(EvidenceItem(name=name, kind="record", digest=digest, size=len(content), origin="written by hand"))
    return found


def named(records: Records) -> list[EvidenceItem]:
    """What the records name as evidence; what is not here is said so."""
    return [
        EvidenceItem(
            name=each.text,
            kind="artifact",
            digest=each.held,
            size=each.size,
            origin=each.where or ("in the workspace" if each.held else "elsewhere"),
            path=each.path,
            held=bool(each.held),
        )
        for each in records.artifacts
    ]


def sent(folder: Path) -> list[EvidenceItem]:
    """The messages that went out, in the order in which they did."""
    return [
        EvidenceItem(
            name=str(original["query"]),
            kind=MESSAGE,
            digest=str(original["sha256"]),
            size=int(original["size"]),
            origin="kept in the evidence log",
            path=str(original["path"]),
        )
        for _, original in inputs(folder, messages=True)
    ]


def inputs(folder: Path, *, messages: bool) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each export with each of its originals: those that we sent ourselves, or the others."""
    for entry in exports.inputs(folder / "exports"):
        for original in entry.get("inputs", ()):
            if (original.get("kind") == MESSAGE) is messages:
                yield entry, original


def with_held(records: Records, folder: Path) -> Records:
    """The records with the digest of each named artifact that lies in the deployment's folder."""
    return replace(records, artifacts=tuple(held(each, folder) for each in records.artifacts))


def held(artifact: ArtifactRecord, folder: Path) -> ArtifactRecord:
    path = (folder / artifact.path).resolve() if artifact.path else None
    if path is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return artifact
    content = path.read_bytes()
    return replace(artifact, held=hashlib.sha256(content).hexdigest(), size=len(content))

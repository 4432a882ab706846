"""
Removing stored bytes by rule: the tombstone is recorded first, the bytes are deleted after it, the entries stay.

Figures whose originals are removed can no longer be derived again; the verifier says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from deploybook.evidence import statement, store
from deploybook.evidence.log import Log
from deploybook.evidence.standalone import Checkpoint

_IN_ONE_ENTRY = 200  # names and digests that fit into a leaf


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An artifact that a rule would remove."""

    path: str
    digest: str
    recorded_at: str
    deployment: str


def expired(log: Log, before: datetime, *, holds: Collection[str] = ()) -> list[Candidate]:
    """
    What a rule like `keep: {exports: 400 d}` would remove: a dry run, nothing is touched.

    Artifacts that only entries `export` name, last recorded before that moment; what people wrote or attached is no export
    here. holds: tickets or deployments under legal hold. What a younger or another entry names, or one under hold, stays.
    """
    limit, found, kept = statement.utc(before), {}, set()
    for entry in log.entries():
        held = entry.deployment in holds or entry.predicate.get("ticket") in holds
        for name, digest in entry.artifacts.items():
            path = entry.paths.get(name)
            by_people = entry.predicate.get("source", {}).get("kind") in ("record", "artifact")
            if held or by_people or entry.kind != "export" or entry.recorded_at >= limit:
                kept.add(digest)
            elif path:
                found[digest] = Candidate(
                    path=path, digest=digest, recorded_at=entry.recorded_at, deployment=entry.deployment
                )
    return [candidate for digest, candidate in found.items() if digest not in kept]


def remove(
    log: Log, candidates: Iterable[Candidate], now: datetime, *, reason: str = "retention", **why: str
) -> Checkpoint:
    """Record the tombstones (why: as for those), then delete the bytes. Interrupted, it is finished by repeating it."""
    chosen = list(candidates)
    tombs = [
        statement.tombstone(
            {one.path: one.digest for one in chosen[start : start + _IN_ONE_ENTRY]}, reason=reason, **why
        )
        for start in range(0, len(chosen), _IN_ONE_ENTRY)
    ]
    head = log.append(tombs, now)
    for candidate in chosen:
        store.remove(log.path, candidate.path)
    return head

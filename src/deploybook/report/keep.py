"""What a run leaves in the evidence log: exports, hand-written files, the executed notebook, figures, page, verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from .. import __version__, exports
from ..book import Book
from ..evidence import Artifact, Log, statement
from ..facts import EvidenceItem, Facts
from ..model import Deployment
from ..records import Workspace
from ..run import RunResult
from ..times import after_name, from_ms, local_day

ACTOR = "deploybook"


def folder_of(workspace: Workspace, deployment: Deployment) -> Path:
    """reports/2025/01/<slug>: where all reports of a deployment lie."""
    day = local_day(deployment.window.start, deployment.zone)
    return workspace.root / "reports" / f"{day:%Y}" / f"{day:%m}" / deployment.slug


def name_of(book: Book) -> str:
    """'24h' of a checkpoint, 'closing', '' of the deployment window."""
    return "closing" if book.closing else after_name(book.after) if book.after else ""


def scope_of(book: Book) -> str:
    """What the log calls the report: window, after-24h, closing."""
    return "closing" if book.closing else f"after-{name_of(book)}" if book.after else "window"


@dataclass(frozen=True, kw_only=True)
class Before:
    """
    What the log says of a report. told: it has its verdict, and nothing of how the deployment ended came after it.
    late: as told then. revision: how often an end, or a new window, was recorded.
    """

    told: bool = False
    late: timedelta | None = None
    revision: int = 0


def on_record(log: Log, book: Book) -> Before:
    """Reads the log for the report of this book."""
    before = Before()
    for entry in log.entries(deployment=book.deployment.slug):
        said = entry.predicate
        if entry.kind == "outcome":
            late = None if said.get("outcome") == "postponed" else before.late
            before = Before(late=late, revision=before.revision + 1)
        elif entry.kind == "verdict" and said.get("scope") == scope_of(book):
            late = timedelta(seconds=int(said["lateSeconds"])) if "lateSeconds" in said else before.late
            before = Before(told=True, late=late, revision=before.revision)
    return before


def record_exports(log: Log, book: Book, now: datetime) -> None:
    """Every original that was pulled, and the Parquet made from it, with query, span and source."""
    folder = book.folder
    said = []
    for entry in exports.inputs(folder / "exports"):
        digests = []
        for original in entry.get("inputs", ()):
            digests.append(str(original["sha256"]))
            path = folder / str(original.get("path") or "")
            if not original.get("path") or not path.is_file():
                continue
            artifact = log.put(path, suffix(path))
            said.append(
                statement.export(
                    {path.name: artifact},
                    deployment=book.deployment.slug,
                    ticket=book.deployment.ticket,
                    actor=ACTOR,
                    source=str(entry.get("source") or "files"),
                    source_kind=str(original.get("kind") or "files"),
                    query=str(original.get("query") or "")[: statement.QUERY_LIMIT],
                    start=from_ms(original["start_ms"]) if original.get("start_ms") else None,
                    end=from_ms(original["end_ms"]) if original.get("end_ms") else None,
                    rows=int(original.get("rows") or 0) or None,
                    server=str(original.get("engine") or ""),
                )
            )
        derived = folder / "exports" / str(entry["file"])
        said.append(
            statement.export(
                {derived.name: log.put(derived, "parquet")},
                deployment=book.deployment.slug,
                ticket=book.deployment.ticket,
                actor=ACTOR,
                source=str(entry.get("source") or "files"),
                source_kind="derived",
                derived_from=digests,
            )
        )
    if said:
        log.append(said, now)


def suffix(path: Path) -> str:
    """'csv.gz' of 'x.csv.gz'; 'bin' where there is none."""
    return ".".join(part for part in path.name.split(".")[1:][-2:] if part.isalnum() and len(part) <= 7) or "bin"


def record_report(
    log: Log,
    book: Book,
    facts: Facts,
    files: Mapping[Path, str],
    executed: Path,
    result: RunResult,
    now: datetime,
) -> None:
    """The executed notebook, the page and its documents, the figures, the verdict, what the records approve."""
    slug, ticket = book.deployment.slug, book.deployment.ticket
    record_exports(log, book, now)
    outputs = {path.name: log.put(text.encode(), suffix(path)) for path, text in files.items()}
    written = {item.name: held for item in facts.evidence if (held := put_item(log, book, item)) is not None}
    said = [
        statement.run(
            {"executed.ipynb": log.put(executed, "ipynb"), **outputs},
            deployment=slug,
            ticket=ticket,
            actor=ACTOR,
            notebook=result.digest,
            parameters=digest_of(dict(result.parameters)),
            environment=environment_digest(),
            inputs=sorted({digest for each in facts.metrics for digest in each.now.inputs}),
            scope=scope_of(book),
        ),
        statement.verdict(
            {
                name: artifact
                for name, artifact in outputs.items()
                if name.endswith(".json") and not name.endswith("page.json")
            },
            deployment=slug,
            ticket=ticket,
            actor=ACTOR,
            scope=scope_of(book),
            verdict=facts.verdict.value,
            metrics={each.metric.id: each.verdict.value for each in facts.metrics},
            configuration=hashlib.sha256((book.folder / "deployment.yml").read_bytes()).hexdigest(),
            late_seconds=None if facts.late is None else round(facts.late.total_seconds()),
            revision=on_record(log, book).revision or None,
        ),
    ]
    if written:
        said.append(
            statement.export(
                written, deployment=slug, ticket=ticket, actor="people", source="workspace", source_kind="record"
            )
        )
    record = written.get("records.yml") or next(iter(written.values()), None)
    for approval in facts.records.approvals:
        if approval.at is None or record is None:
            continue
        said.append(
            statement.approval(
                {"record": record},
                deployment=slug,
                ticket=ticket,
                what=approval.what[: statement.TEXT_LIMIT],
                by=", ".join(approval.by)[: statement.TEXT_LIMIT],
                at=approval.at,
                result=approval.result,
            )
        )
    log.append(said, now)


def is_document(name: str) -> bool:
    return name.endswith(".json") and not name.endswith(".page.json")


def put_item(log: Log, book: Book, item: EvidenceItem) -> Artifact | None:
    """The bytes of a hand-written file or of an artifact that is here."""
    if item.kind not in ("record", "artifact") or not item.digest:
        return None
    path = book.folder / (item.path or item.name)
    return log.put(path, suffix(path)) if path.is_file() else None


def record_run(log: Log, book: Book, executed: Path, result: RunResult, now: datetime) -> None:
    """A run that failed: the executed part, marked as what it is, and which attempt it was."""
    if not executed.is_file():
        executed.write_text(json.dumps({"cells": []}), encoding="utf-8")
    scope = scope_of(book)
    before = [
        entry
        for entry in log.entries("run", book.deployment.slug)
        if entry.predicate.get("scope") == scope and entry.predicate.get("result") != "completed"
    ]
    log.append(
        [
            statement.run(
                {"executed.ipynb": log.put(executed, "ipynb")},
                deployment=book.deployment.slug,
                ticket=book.deployment.ticket,
                actor=ACTOR,
                notebook=result.digest,
                parameters=digest_of(dict(result.parameters)),
                environment=environment_digest(),
                result=result.status.value,
                scope=scope,
                attempt=len(before) + 1,
            )
        ],
        now,
    )


def digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def environment_digest() -> str:
    """What a run depends on beside its inputs."""
    return digest_of({"deploybook": __version__})

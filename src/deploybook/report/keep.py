"""What a run leaves in the evidence log: exports, hand-written files, the executed notebook, figures, page, verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff
from pathlib import Path
from typing import Any

from .. import __version__, exports, journal
from ..book import Book
from ..evidence import Artifact, Log, extension, statement
from ..facts import EvidenceItem, Facts
from ..model import Approval, Deployment
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
    for entry in log.entries("outcome", "verdict", deployment=book.deployment.slug):
        said = entry.predicate
        if entry.kind == "outcome":
            late = None if said.get("outcome") == "postponed" else before.late
            before = Before(late=late, revision=before.revision + 1)
        elif entry.kind == "verdict" and said.get("scope") == scope_of(book):
            late = timedelta(seconds=int(said["lateSeconds"])) if "lateSeconds" in said else before.late
            before = Before(told=True, late=late, revision=before.revision)
    return before


def about(book: Book, actor: str = ACTOR) -> dict[str, Any]:
    return {"deployment": book.deployment.slug, "ticket": statement.tidied(book.deployment.ticket), "actor": actor}


def exported(log: Log, book: Book) -> Iterator[statement.Statement]:
    """Every original that was pulled, and the Parquet made from it, with query, span and source."""
    for entry in exports.inputs(book.folder / "exports"):
        source = str(entry.get("source") or "files")
        for original in entry.get("inputs", ()):
            path = book.folder / str(original.get("path") or "")
            if not original.get("path") or not path.is_file():
                continue
            yield statement.export(
                {path.name: log.put(path, extension(path.name))},
                **about(book),
                source=source,
                source_kind=str(original.get("kind") or "files"),
                query=str(original.get("query") or "")[: statement.QUERY_LIMIT],
                start=from_ms(original["start_ms"]) if original.get("start_ms") else None,
                end=from_ms(original["end_ms"]) if original.get("end_ms") else None,
                rows=int(original.get("rows") or 0) or None,
                server=str(original.get("engine") or ""),
            )
        derived = book.folder / "exports" / str(entry["file"])
        kept = {derived.name: log.put(derived, extension(derived.name))}
        digests = [str(original["sha256"]) for original in entry.get("inputs", ())]
        yield statement.export(kept, **about(book), source=source, source_kind="derived", derived_from=digests)


def record_report(
    log: Log,
    book: Book,
    facts: Facts,
    files: Mapping[Path, str],
    executed: Path,
    result: RunResult,
    now: datetime,
    revision: int,
    correction: Correction | None = None,
) -> None:
    """The executed notebook, page, documents, figures, verdict, and what the records approve. revision: see Before."""
    said = list(exported(log, book))
    outputs = {path.name: log.put(text.encode(), extension(path.name), path.name) for path, text in files.items()}
    written = {item.name: held for item in facts.evidence if (held := put_item(log, book, item)) is not None}
    said += [
        run_of(
            about(book),
            scope_of(book),
            {"executed.ipynb": log.put(executed, "ipynb"), **outputs},
            result,
            inputs=sorted({digest for each in facts.metrics for digest in each.now.inputs}),
            attempt=attempt_of(log, book.deployment.slug, scope_of(book)),
        ),
        statement.verdict(
            {name: held for name, held in outputs.items() if name.endswith(".json") and not name.endswith("page.json")},
            **about(book),
            scope=scope_of(book),
            verdict=facts.verdict.value,
            metrics={each.metric.id: each.verdict.value for each in facts.metrics},
            configuration=hashlib.sha256((book.folder / "deployment.yml").read_bytes()).hexdigest(),
            late_seconds=None if facts.late is None else round(facts.late.total_seconds()),
            revision=revision or None,
        ),
    ]
    if written:
        said.append(statement.export(written, **about(book, "people"), source="workspace", source_kind="record"))
        record = {"record": written.get("records.yml") or next(iter(written.values()))}
        said += [approval_of(book, record, each) for each in facts.records.approvals if each.at is not None]
    if correction:
        said.append(corrected(log, book, correction, outputs, written))
    log.append(said, now)


def run_of(
    about: Mapping[str, Any], scope: str, subjects: statement.Subjects, outcome: RunResult, **more: Any
) -> statement.Statement:
    parameters, environment = digest_of(dict(outcome.parameters)), environment_digest()
    digests: dict[str, Any] = {"notebook": outcome.digest, "parameters": parameters, "environment": environment}
    return statement.run(subjects, **about, **digests, scope=scope, **more)


def approval_of(book: Book, record: statement.Subjects, approval: Approval) -> statement.Statement:
    assert approval.at
    slug, ticket = book.deployment.slug, statement.tidied(book.deployment.ticket)
    what, by = statement.tidied(approval.what), statement.tidied(", ".join(approval.by))
    return statement.approval(
        record,
        deployment=slug,
        ticket=ticket,
        what=what,
        by=by,
        at=approval.at,
        result=statement.tidied(approval.result),
    )


def put_item(log: Log, book: Book, item: EvidenceItem) -> Artifact | str | None:
    """The bytes of a hand-written file or of an artifact that is here; only their digest where they hold private lines."""
    path = book.folder / (item.path or item.name)
    if item.kind not in ("record", "artifact") or not item.digest or not path.is_file():
        return None
    if item.kind == "record" and journal.is_private(path.read_bytes()):
        return item.digest
    return log.put(path, extension(path.name), item.path or item.name)


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A published page that is replaced. name, before: of the page's file. by, reason: as told by who made it again."""

    name: str
    before: bytes
    by: str = ""
    reason: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.before).hexdigest()


def was_published(log: Log, book: Book, name: str, content: bytes) -> bool:
    """Whether a site was published since the page was recorded with these bytes."""
    digest, recorded = hashlib.sha256(content).hexdigest(), False
    for entry in log.entries("run", "publication"):
        if entry.kind == "run" and entry.deployment == book.deployment.slug and name in entry.artifacts:
            recorded = entry.artifacts[name] == digest
        elif entry.kind == "publication" and recorded:
            return True
    return False


def corrected(
    log: Log, book: Book, correction: Correction, outputs: Mapping[str, Artifact], written: statement.Subjects
) -> statement.Statement:
    """The new page, how it differs from the published one, and the reason that was given; which records are other now."""
    page, name = outputs[correction.name], correction.name
    old, new = (text.decode().splitlines() for text in (correction.before, (log.path / page.path).read_bytes()))
    difference = "\n".join(unified_diff(old, new, name, name, lineterm="", n=1)) + "\n"
    subjects = {correction.name: page, f"{correction.name}.diff": log.put(difference.encode(), "diff")}
    if correction.reason:
        subjects["reason.txt"] = log.put(f"{correction.reason}\n".encode(), "txt")
    known: dict[str, str] = {}
    for entry in log.entries("export", deployment=book.deployment.slug):
        known |= entry.artifacts if entry.predicate["source"].get("kind") == "record" else {}
    now = {name: held if isinstance(held, str) else held.digest for name, held in written.items()}
    said = about(book, correction.by or ACTOR)
    by = said.pop("actor")
    other = sorted(name for name in now.keys() | known.keys() if now.get(name) != known.get(name))
    return statement.correction(
        subjects, **said, by=by, corrects=correction.digest, reason="update", changed=other[:50]
    )


def record_run(
    log: Log, about: Mapping[str, Any], scope: str, executed: Path, result: RunResult, now: datetime
) -> None:
    """A run that failed: the executed part, marked as what it is, and which attempt it was."""
    subjects = {"executed.ipynb": log.put(executed, "ipynb")}
    attempt = failures(log, about["deployment"], scope)[0] + 1
    log.append([run_of(about, scope, subjects, result, result=result.status.value, attempt=attempt)], now)


def attempt_of(log: Log, deployment: str, scope: str) -> int | None:
    """
    Which attempt a run that went well was, where the one before it failed: without it, a run that gives what is on record
    already would be no entry, and the failure the log's last word.
    """
    failed, last = failures(log, deployment, scope)
    return failed + 1 if last else None


def failures(log: Log, deployment: str, scope: str) -> tuple[int, bool]:
    """How many runs of a report failed, and whether the last one did."""
    runs = [entry.predicate for entry in log.entries("run", deployment=deployment)]
    well = [said.get("result") == "completed" for said in runs if said.get("scope") == scope]
    return well.count(False), well[-1:] == [False]


def digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def environment_digest() -> str:
    """What a run depends on beside its inputs."""
    return digest_of({"deploybook": __version__})

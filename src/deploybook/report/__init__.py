"""
Making a report: judge, run the notebook, turn what it shows into a page, write the page with its documents beside it,
record all of it in the evidence log. A run that gives what is there already writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from .. import __version__, run
from ..book import Book
from ..errors import UsageProblem
from ..evidence import Log
from ..facts import Facts, Provenance, document, figure_document
from ..model import Verdict
from ..sections.page import PageKind, page_facts, write_page_facts
from . import failure, page
from .keep import folder_of, name_of, on_record, record_report, record_run

__all__ = ["Made", "make", "page_path"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """
    What one call made. after: of the checkpoint, 'closing', or ''. path: the page, from the workspace. changed: False where all of it was there already.
    verdict: of the report; ERROR where the notebook did not run to its end. why: what was new, or how it failed.
    """

    deployment: str
    after: str
    path: str
    verdict: Verdict
    changed: bool
    why: str
    result: run.RunResult | None = None


def page_path(book: Book) -> Path:
    """reports/2025/01/<slug>/index, …/checkpoint-24h or …/closing: where the page lies, without its ending."""
    folder = folder_of(book.workspace, book.deployment)
    return folder / (f"checkpoint-{name_of(book)}" if book.after else name_of(book) or "index")


def kind_of(book: Book) -> PageKind:
    return "closing" if book.closing else "checkpoint" if book.after else "outcome"


def make(
    book: Book,
    *,
    log: Log,
    now: datetime,
    isolation: Literal["fork", "process"] = "fork",
    notebook: Path | None = None,
    limits: run.Limits | None = None,
    late: timedelta | None = None,
) -> Made:
    """
    The report of a deployment window, of the book's checkpoint, or of its closing.

    now: when it is recorded; nothing on the page depends on it. late: how long after its time it is made, told by the
    page and by the log; a report that is made again keeps what the log says of it. Raises UsageProblem where the notebook is missing or
    its parameters are wrong, before anything runs; a failed run is no exception but a page that says so.
    """
    source = notebook or book.workspace.root / "notebooks" / f"{kind_of(book)}.ipynb"
    if not source.is_file():
        raise UsageProblem(f"{book.workspace.shown(source)} is missing; 'deploybook init' puts a fresh one there")
    before = on_record(log, book)
    facts = replace(book.facts, late=late if before.late is None else before.late)
    place = page_path(book)
    with tempfile.TemporaryDirectory(prefix="deploybook-") as scratch:
        executed = Path(scratch) / f"{place.name}.ipynb"
        result = run.execute(
            source,
            executed,
            parameters_of(book),
            cwd=book.workspace.root,
            isolation=isolation,
            limits=limits,
            environment={"DEPLOYBOOK_WORKSPACE": str(book.workspace.root)},
        )
        if not result.ok:
            return failed(book, place, result, executed, log=log, now=now)
        return finished(book, facts, place, result, executed, log=log, now=now, recorded=before.told)


def parameters_of(book: Book) -> dict[str, Any]:
    return {"deployment": book.deployment.slug, "after": name_of(book) or None}


def title_of(book: Book) -> str:
    title = book.deployment.title
    if book.closing:
        return f"{title} closing report"
    return f"+{name_of(book)} checkpoint: {title}" if book.after else f"{title} deployment outcomes"


def finished(
    book: Book,
    facts: Facts,
    place: Path,
    result: run.RunResult,
    executed: Path,
    *,
    log: Log,
    now: datetime,
    recorded: bool,
) -> Made:
    """Writes page, documents and evidence where anything is new. recorded: the log has a verdict of it already."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    body = page.body_of(cells)
    before = page.provenance_before(place)
    facts = replace(facts, provenance=provenance(book, result, executed, before or log.head()))
    chart = page.lead_chart(cells)
    files = outputs(book, facts, body, chart, place, executed)
    if before is not None:
        if recorded and not page.changed(files):
            return made(book, place, facts.verdict, changed=False, why="nothing new")
        facts = replace(facts, provenance=provenance(book, result, executed, log.head()))
        files = outputs(book, facts, body, chart, place, executed)
    page.write(files, log.gate)
    record_report(log, book, facts, files, executed, result, now)
    return made(
        book, place, facts.verdict, changed=True, why="new" if before is None else "content changed", result=result
    )


def outputs(book: Book, facts: Facts, body: str, chart: str, place: Path, executed: Path) -> dict[Path, str]:
    """Every file of the report and its text, the executed notebook and its page among them."""
    notebook = executed.read_text(encoding="utf-8")
    code = page.body_of(json.loads(notebook)["cells"], code=True)
    said = page_facts(facts, kind_of(book), title_of(book), chart)
    name = place.name if name_of(book) else "outcome"
    figures = "".join(
        json.dumps(figure_document(figure), ensure_ascii=False, sort_keys=True) + "\n"
        for figure in facts.figures.values()
    )
    return {
        place.with_name(f"{name}.json"): json.dumps(document(facts), ensure_ascii=False, indent=1) + "\n",
        place.with_name(f"{name}.figures.jsonl"): figures,
        place.with_name(f"{place.name}.page.json"): write_page_facts(said),
        place.with_name(f"{place.name}.md"): page.compose(facts, said, body),
        place.with_name(f"{name}-notebook.md"): page.compose(facts, said, code, name),
        place.with_name(f"{name}.ipynb"): notebook,
    }


def provenance(book: Book, result: run.RunResult, executed: Path, head: Any) -> Provenance:
    """How the page was made; head: the log's state before this run, as a checkpoint or as an earlier page printed it."""
    return Provenance(
        notebook=f"notebooks/{kind_of(book)}.ipynb",
        notebook_digest=hashlib.sha256(executed.read_bytes()).hexdigest(),
        parameters=tuple((key, str(value)) for key, value in sorted(parameters_of(book).items())),
        version=__version__,
        log_size=head.size,
        log_root=head.root if head.size else "",
        signed=bool(getattr(head, "signed", False) or getattr(head, "signatures", ())),
    )


def failed(book: Book, place: Path, result: run.RunResult, executed: Path, *, log: Log, now: datetime) -> Made:
    """A page that says what is missing; the last good report stays beside it."""
    said = failure.page_of(book, place, result, title_of(book), kind_of(book))
    files = {place.with_name(f"{place.name}.page.json"): write_page_facts(said)}
    page.keep_last_good(place)
    page.write(files, log.gate)
    record_run(log, book, executed, result, now)
    return made(book, place, Verdict.ERROR, changed=True, why=f"{result.status}: {result.reason}", result=result)


def made(
    book: Book, place: Path, verdict: Verdict, *, changed: bool, why: str, result: run.RunResult | None = None
) -> Made:
    return Made(
        deployment=book.deployment.slug,
        after=name_of(book),
        path=book.workspace.shown(place.with_name(f"{place.name}.md")),
        verdict=verdict,
        changed=changed,
        why=why,
        result=result,
    )

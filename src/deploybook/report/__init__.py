"""
Making a report: judge, run the notebook, turn what it shows into a page, write the page with its documents beside it,
record all of it in the evidence log. A run that gives what is there already writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Literal

from .. import __version__, run
from ..book import Book, ahead
from ..errors import DeploybookError, EvidenceBroken, UsageProblem
from ..evidence import Log
from ..facts import Facts, Provenance, document, figure_document
from ..model import Verdict
from ..run.key import stamps
from ..sections.page import PageKind, page_facts, write_page_facts
from . import failure, page
from .keep import Before, Correction, about, folder_of, name_of, on_record, record_report, scope_of, was_published
from .unchanged import Ground, Kept

__all__ = ["Made", "make", "make_many", "page_path"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """
    One report. after: of the checkpoint, 'closing', or ''. path: the page, from the workspace. changed: False where all
    of it was there already. verdict: of the report; ERROR where the notebook did not run to its end. why: what was new,
    or how it failed. problem: what kept it from running at all.
    """

    deployment: str
    after: str
    path: str
    verdict: Verdict
    changed: bool
    why: str
    result: run.RunResult | None = None
    files: tuple[Path, ...] = ()
    problem: DeploybookError | None = None


def page_path(book: Book) -> Path:
    """reports/2025/01/<slug>/index, …/checkpoint-24h or …/closing: where the page lies, without its ending."""
    folder = folder_of(book.workspace, book.deployment)
    return folder / (f"checkpoint-{name_of(book)}" if book.after else name_of(book) or "index")


def kind_of(book: Book) -> PageKind:
    return "closing" if book.closing else "checkpoint" if book.after else "outcome"


def make(book: Book, **options: Any) -> Made:
    """The report of one book, with the options of `make_many`; raises what kept it from being made."""
    [made] = make_many([book], **options)
    if made.problem:
        raise made.problem
    return made


def make_many(
    books: Iterable[Book],
    *,
    log: Log,
    now: datetime,
    isolation: Literal["fork", "process"] = "fork",
    notebook: Path | None = None,
    limits: run.Limits | None = None,
    late: timedelta | None = None,
    by: str = "",
    reason: str = "",
    workers: int | None = None,
    keep_going: bool = True,
    execute: Callable[..., run.RunResult] | None = None,
) -> Iterator[Made]:
    """
    The reports of deployment windows, checkpoints or closings, each as it is ready. books: taken as workers are free.

    now: when they are recorded; nothing on a page depends on it. late: how long after its time it is made, told by the
    page and by the log; a report that is made again keeps what the log says of it. by, reason: of one that is made again
    after it was published, for the log. execute: what runs a notebook, as run.execute does. A failed
    run is a page that says so; what keeps a report from running at all is its `problem`.
    """
    asked: dict[Path, Asked] = {}
    with tempfile.TemporaryDirectory(prefix="deploybook-") as scratch:

        def jobs() -> Iterator[run.Job]:
            for number, book in enumerate(books):
                source = notebook or book.workspace.root / "notebooks" / f"{kind_of(book)}.ipynb"
                output = Path(scratch, str(number), f"{page_path(book).name}.ipynb")
                kept = Kept.read(Ground.of(book.workspace), book.deployment.slug)
                asked[output] = Asked(book=book, kept=kept)
                yield run.Job(notebook=source, output=output, parameters=parameters_of(book), cwd=book.workspace.root)

        def judge_and_execute(job: run.Job, cancel: Event) -> run.RunResult:
            one, root = asked[job.output], job.cwd
            try:
                if not job.notebook.is_file():
                    shown = one.book.workspace.shown(job.notebook)
                    raise UsageProblem(f"{shown} is missing; 'deploybook init' puts a fresh one there")
                one.key = one.kept.key_of(one.book, job.notebook, job.parameters)
                runs = execute or run.execute
                if execute is None and isolation == "fork":
                    runs = partial(runs, ahead="deploybook.book.ahead:judge")
                else:
                    _ = one.book.facts  # what is wrong with files and data is told before a kernel starts
                result = runs(
                    job.notebook,
                    job.output,
                    job.parameters,
                    cwd=root,
                    isolation=isolation,
                    limits=limits,
                    environment={"DEPLOYBOOK_WORKSPACE": str(root)},
                    cancel=cancel,
                )
                one.book.facts = ahead.read(result.told) if result.told else one.book.facts  # or what is wrong, too
                return result
            except DeploybookError as problem:
                one.problem = problem
                return run.RunResult(status=run.Status.START_UP, notebook=job.output, digest="")

        for job, result in run.run_many(jobs(), judge_and_execute, workers=workers, keep_going=keep_going):
            yield conclude(asked.pop(job.output), job, result, log=log, now=now, late=late, by=by, reason=reason)


@dataclass(kw_only=True)
class Asked:
    """A report on its way. key: what it follows from, taken before it ran; problem: what kept it from running."""

    book: Book
    kept: Kept
    key: Mapping[str, str] = field(default_factory=dict)
    problem: DeploybookError | None = None


def conclude(
    asked: Asked,
    job: run.Job,
    result: run.RunResult,
    *,
    log: Log,
    now: datetime,
    late: timedelta | None,
    by: str,
    reason: str,
) -> Made:
    """Page, documents and evidence of a notebook that ran, and what it was made from."""
    book, place, scope = asked.book, page_path(asked.book), scope_of(asked.book)
    try:
        if asked.problem:
            raise asked.problem
        if not result.ok:
            asked.kept.remember(scope)
            said = failure.expected(book, title_of(book), kind_of(book))
            failure.keep(said, place, job.output, result, log=log, now=now, about=about(book), scope=scope)
            why = f"{result.status}: {result.reason}"
            return made(book, place, Verdict.ERROR, changed=True, why=why, result=result)
        before = on_record(log, book)
        facts = replace(book.facts, late=late if before.late is None else before.late)
        one = finished(book, facts, place, result, job.output, log=log, now=now, told=before, by=by, reason=reason)
    except EvidenceBroken:
        raise
    except DeploybookError as problem:
        return replace(made(book, place, Verdict.ERROR, changed=False, why=str(problem)), problem=problem)
    asked.kept.remember(
        scope,
        key=dict(asked.key),
        notebook=book.workspace.shown(job.notebook),
        parameters=dict(job.parameters),
        pages=stamps(one.files, book.workspace.root),
        entries=log.head().size,
        verdict=one.verdict.value,
        path=one.path,
    )
    return one


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
    told: Before,
    by: str = "",
    reason: str = "",
) -> Made:
    """Writes page, documents and evidence where anything is new. told: what the log says of it."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    body = page.body_of(cells)
    before = page.provenance_before(place)
    facts = replace(facts, provenance=provenance(book, result, executed, before or log.head(), before))
    chart, correction = page.lead_chart(cells), None
    files = outputs(book, facts, body, chart, place, executed)
    if before is not None:
        if told.told and not page.changed(files):
            return replace(made(book, place, facts.verdict, changed=False, why="nothing new"), files=tuple(files))
        before, correction = revision_of(log, book, place, before, by, reason)
        facts = replace(facts, provenance=provenance(book, result, executed, log.head(), before))
        files = outputs(book, facts, body, chart, place, executed)
    page.write(files, log.gate)
    failure.clear(place)
    record_report(log, book, facts, files, executed, result, now, told.revision, correction)
    why = "new" if before is None else "content changed"
    return replace(made(book, place, facts.verdict, changed=True, why=why, result=result), files=tuple(files))


def outputs(book: Book, facts: Facts, body: str, chart: str, place: Path, executed: Path) -> dict[Path, str]:
    """Every file of the report and its text, the executed notebook and its page among them."""
    notebook = executed.read_text(encoding="utf-8")
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
        place.with_name(f"{name}-notebook.md"): page.notebook_page(
            said, [*page.way_of(facts), (said.title, f"{place.name}.html")], notebook, name
        ),
        place.with_name(f"{name}.ipynb"): notebook,
    }


def revision_of(
    log: Log, book: Book, place: Path, before: page.Head, by: str, reason: str
) -> tuple[page.Head, Correction | None]:
    """What the new page says of its revision, and what the log says of it, where the page before it was published."""
    path = place.with_name(f"{place.name}.md")
    content = path.read_bytes() if path.is_file() else b""
    if not was_published(log, book, path.name, content):
        return before, None
    correction = Correction(name=path.name, before=content, by=by, reason=reason)
    return replace(before, revision=before.revision + 1, corrects=correction.digest), correction


def provenance(
    book: Book, result: run.RunResult, executed: Path, head: Any, revision: page.Head | None = None
) -> Provenance:
    """How the page was made; head: the log's state before this run, as a checkpoint or as an earlier page printed it."""
    return Provenance(
        notebook=f"notebooks/{kind_of(book)}.ipynb",
        notebook_digest=hashlib.sha256(executed.read_bytes()).hexdigest(),
        parameters=tuple((key, str(value)) for key, value in sorted(parameters_of(book).items())),
        version=__version__,
        log_size=head.size,
        log_root=head.root if head.size else "",
        signed=bool(getattr(head, "signed", False) or getattr(head, "signatures", ())),
        revision=revision.revision if revision else 1,
        corrects=revision.corrects if revision else "",
    )


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

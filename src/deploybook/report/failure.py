"""What is kept of a run that did not reach its end: a page that says so, the notebook up to there, the log's entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..book import Book
from ..evidence import Log
from ..run import RunResult
from ..sections.page import Failure, PageFacts, PageKind, of_deployment, write_page_facts
from . import page
from .keep import name_of, record_run

WORDS = {
    "cell error": "a cell of the notebook raised an error",
    "timeout": "it took longer than it may",
    "memory": "it used more memory than it may",
    "killed": "its process was killed",
    "died": "its process died",
    "early exit": "the notebook ended itself before its last cell",
    "start-up": "its kernel did not start",
    "output flood": "it printed more than it may",
    "cancelled": "it was cancelled",
}

AGAIN = "by 'deploybook run' after 1, 2, 4 … minutes, at most an hour"


def keep(
    said: PageFacts,
    place: Path,
    executed: Path,
    result: RunResult,
    *,
    log: Log,
    now: datetime,
    about: Mapping[str, Any],
    scope: str,
) -> Path:
    """
    Writes the page in place of the report, which stays beside it, and records the run. Gives the notebook with what ran.
    about, scope: for the log.
    """
    if not executed.is_file():
        executed.write_text(json.dumps({"cells": []}), encoding="utf-8")
    path, good, name = (
        place.with_name(f"{place.name}.md"),
        place.with_name(f"{place.name}-last-good.md"),
        failed_name(place),
    )
    is_report = path.is_file() and page.provenance_before(place) is not None
    said = failed(said, result, f"{good.stem}.html" if is_report or good.is_file() else "", f"{name}-notebook.html")
    notebook, way = executed.read_text(encoding="utf-8"), [*page.WAY, (said.title, f"{place.name}.html")]
    files = {
        place.with_name(f"{place.name}.page.json"): write_page_facts(said),
        place.with_name(f"{name}-notebook.md"): page.notebook_page(said, way, notebook, name),
        (kept := place.with_name(f"{name}.ipynb")): notebook,
    }
    page.write(files, log.gate)
    if is_report:
        path.replace(good)
    record_run(log, about, scope, executed, result, now)
    return kept


def clear(place: Path) -> None:
    """Removes what lies beside a page that was not produced; it is now."""
    for name in (f"{place.name}-last-good.md", f"{failed_name(place)}-notebook.md", f"{failed_name(place)}.ipynb"):
        place.with_name(name).unlink(missing_ok=True)


def failed_name(place: Path) -> str:
    return f"{place.name}-failed"


def expected(book: Book, title: str, kind: PageKind) -> PageFacts:
    """The facts of the page of a book as far as they are known without it."""
    deployment = book.deployment
    return PageFacts(
        kind=kind,
        title=title,
        **of_deployment(deployment),
        as_of=deployment.closes if book.closing else deployment.due(book.after) if book.after else deployment.end,
        after=name_of(book) if book.after else "",
        word="",
        sentence="",
    )


def failed(said: PageFacts, result: RunResult, last_good: str, notebook: str) -> PageFacts:
    """The facts of the page: what is missing, what remains, why in one sentence, who has it."""
    sentence = f"This report was not produced: {WORDS.get(result.status.value, result.status.value)}."
    error = (result.source, f"{result.error_name}: {result.error_value}".strip(": "), result.stderr)
    failure = Failure(
        sentence=sentence,
        missing=said.title,
        remains="The exports and the log are kept; 'deploybook judge' prints the verdicts without a notebook.",
        reason=result.reason,
        owner=said.lead or "whoever runs deploybook here",
        next_try=AGAIN,
        stopped_at=f"cell {result.cell}" if result.cell else "",  # as the reason counts: without the injected cell
        attempts=f"{result.cells_done} of {result.cells} cells ran",
        error="\n".join(filter(None, error)),
        notebook=notebook,
        last_good=last_good,
    )
    return replace(said, word="Not produced", sentence=sentence, failure=failure)

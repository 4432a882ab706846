"""What a page says in place of a report whose notebook did not run to its end."""

from __future__ import annotations

from pathlib import Path

from ..book import Book
from ..run import RunResult
from ..sections.page import Failure, PageFacts, PageKind, of_deployment
from .keep import name_of

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


def page_of(book: Book, place: Path, result: RunResult, title: str, kind: PageKind) -> PageFacts:
    """The facts of the page: what is missing, what remains, why in one sentence, who has it."""
    deployment = book.deployment
    good = place.with_name(f"{place.name}-last-good.md")
    why = WORDS.get(result.status.value, result.status.value)
    return PageFacts(
        kind=kind,
        title=title,
        **of_deployment(deployment),
        as_of=deployment.closes if book.closing else deployment.due(book.after) if book.after else deployment.end,
        after=name_of(book) if book.after else "",
        word="Not produced",
        sentence=f"This report was not produced: {why}.",
        failure=Failure(
            sentence=f"This report was not produced: {why}.",
            missing=title,
            remains="The exports and the log are kept; 'deploybook judge' prints the verdicts without a notebook.",
            reason=result.reason,
            owner=deployment.lead or "whoever runs deploybook here",
            next_try="by 'deploybook run' after 1, 2, 4 … minutes, at most an hour",
            stopped_at=f"cell {result.cell + 1}" if result.cell is not None else "",
            attempts=f"{result.cells_done} of {result.cells} cells ran",
            error="\n".join(
                part
                for part in (result.source, f"{result.error_name}: {result.error_value}".strip(": "), result.stderr)
                if part
            ),
            last_good=good.name.replace(".md", ".html") if good.is_file() else "",
        ),
    )

"""A draft for stakeholders, out of a deployment's files, its reports and the evidence log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import UsageProblem

if TYPE_CHECKING:
    from ..book import Book
    from ..evidence import Log
    from ..model import Deployment
    from ..notify import Message
    from ..records import Settings, Workspace
    from ..sections.page import PageFacts


def drafted(
    workspace: Workspace,
    settings: Settings,
    slug: str,
    kind: str,
    *,
    now: datetime,
    log: Log,
    look: str = "now",
    text: str = "",
    name: str = "",
) -> tuple[Message, PageFacts]:
    """
    The draft and what the page made of the same look says of itself.

    look: 'now', the window with the checkpoints so far; 'window', '24h', 'closing': as of that report's own time. text: what
    a person adds, with figures such as '{parser_p50}'. UsageProblem for a look that there is not, or is still to come.
    """
    from ..book import Book

    if look == "now":
        book = Book.open(slug, workspace=workspace.root, as_of=None, now=now)
    else:
        book = Book.open(slug, None if look == "window" else look, workspace=workspace.root)
        if book.facts.as_of > now:
            raise UsageProblem(f"--at: {look} is not due before {book.facts.as_of:%Y-%m-%dT%H:%MZ}")
    at = now if look == "now" else book.facts.as_of
    return composed(book, settings, kind, at, log=head_of(log), text=text, name=name)


def head_of(log: Log) -> tuple[int, str]:
    """Size and root, '' of an empty log."""
    head = log.head()
    return head.size, head.root if head.size else ""


def composed(
    book: Book, settings: Settings, kind: str, at: datetime, *, log: tuple[int, str], text: str = "", name: str = ""
) -> tuple[Message, PageFacts]:
    """The draft of an open book, and what its page says of itself."""
    from ..notify import draft
    from ..report.keep import scope_of
    from ..sections.page import page_facts

    deployment = book.deployment
    page = page_facts(book.facts, "outcome", deployment.title)
    address = page_address(book.workspace, deployment, scope_of(book))
    message = draft(
        kind,
        book.facts,
        page,
        at=at,
        text=filled(book, text),
        name=name,
        link=f"{settings.url.rstrip('/')}/{address}" if settings.url else "",
        log=log,
    )
    return message, page


def page_address(workspace: Workspace, deployment: Deployment, scope: str) -> str:
    """Where the report of that scope lies in the site."""
    from ..report.keep import folder_of

    name = {"window": "index", "outcome": "index"}.get(scope) or scope.replace("after-", "checkpoint-")
    return f"{folder_of(workspace, deployment).relative_to(workspace.root / 'reports').as_posix()}/{name}.html"


def filled(book: Book, text: str) -> str:
    """The text with its figures measured; UsageProblem says what is wrong with one."""
    from ..assess.figures import REFERENCE, refer

    for found in {found[0] for found in REFERENCE.finditer(text)}:
        try:
            made = refer(book.deployment, book.data, found)
        except ValueError as error:
            raise UsageProblem(f"{found}: {error}") from error
        text = text.replace(found, made[-1].display if made else "no data")
    return text

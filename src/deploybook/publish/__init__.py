"""From the reports to the site: gather what pages say of themselves, make the pages around them, build, swap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .gather import Page, gather

SEARCHED = timedelta(days=90)  # older reports are found by what their month's page says of them

__all__ = ["Page", "Published", "compose", "gather", "publish"]


@dataclass(frozen=True, kw_only=True)
class Published:
    """
    site: the folder. pages: how many reports it shows. changed: generated files that are new, other or gone.
    policy: the Content-Security-Policy under which the site works. printed: PDFs that were made anew.
    """

    site: Path
    pages: int
    changed: tuple[str, ...]
    policy: str
    printed: int = 0


def publish(
    root: Path,
    *,
    now: datetime | None = None,
    states: Mapping[str, str] | None = None,
    seal: Callable[[Path], object] | None = None,
    pdf: bool = False,
) -> Published:
    """
    Makes the pages around the reports of the workspace at `root`, then its site.

    now: what "today", "late" and the age of data are counted to; the newest report's own time by default, so that the
    same reports give the same bytes. states: see pages.evidence. seal: called with the built site before it is put in
    place, to lay the evidence beside it. pdf: with a PDF of each report. Raises PublishFailed, the old site untouched.
    """
    from .paper import print_pages
    from .site import build_site
    from .tree import write_pages

    reports = root / "reports"
    pages = gather(reports)
    changed = write_pages(reports, compose(pages, now=now, states=states, log=log_before(pages)))
    counts: list[int] = []

    def finish(staging: Path, old: Path) -> None:
        if pdf:
            counts.append(print_pages(staging, old, pages))
        if seal:
            seal(staging)

    as_of = max((page.as_of for page in pages), default=None)
    site, policy = build_site(
        root,
        as_of=as_of,
        finish=finish,
        unsearched={f"{page.path}.md" for page in pages if as_of and as_of - page.as_of > SEARCHED},
        printed={f"{page.path}.md" for page in pages if pdf and not page.facts.failure},
    )
    return Published(site=site, pages=len(pages), changed=changed, policy=policy, printed=sum(counts))


def log_before(pages: Sequence[Page]) -> dict[str, Any] | None:
    """The evidence log as the newest run found it: what is printed cannot count the publication that prints it."""
    newest = max(pages, key=lambda page: page.facts.log_size, default=None)
    return {"size": newest.facts.log_size, "root": newest.facts.log_root} if newest and newest.facts.log_root else None


def compose(
    pages: Sequence[Page],
    *,
    now: datetime | None = None,
    states: Mapping[str, str] | None = None,
    log: Mapping[str, Any] | None = None,
    touched: Collection[Page] | None = None,
) -> dict[str, str]:
    """
    All generated pages, {path from reports/: Markdown}. pages: newest first, as `gather` gives them.

    touched: the pages that are new or other than before; then only what speaks of them, of an open deployment or of
    all is made.
    """
    from .pages import archive, changes, evidence, failed, frame, home, metrics, registers

    now = now or (pages[0].as_of if pages else datetime(1970, 1, 1, tzinfo=UTC))
    waiting = touched
    if touched is not None:  # how late a checkpoint is changes on the page of its deployment without a new report
        newest = [frame.newest_produced(group) for group in frame.by_deployment(pages).values()]
        waiting = [*touched, *(each for each in newest if each and frame.waits(each))]
    return {
        **failed.failed([page for page in (pages if touched is None else touched) if page.facts.failure]),
        **home.home(pages, now),
        **archive.archive(pages, touched),
        **metrics.metric_pages(pages, touched),
        **changes.changes(pages, now, waiting),
        **registers.registers(pages),
        **evidence.evidence(pages, states, log, touched),
    }

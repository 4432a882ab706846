"""From the reports to the site: gather what pages say of themselves, make the pages around them, build, swap."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import PublishFailed
from .gather import Page, gather, listed, read_facts, scan

NAVIGATION = ("index.md", *(f"{name}/index.md" for name in ("archive", "metrics", "changes", "evidence")))
# Older reports than these are found by what their month's page says of them: a browser holds the whole index.
SEARCHED, MOST_SEARCHED = timedelta(days=90), 300

__all__ = ["Page", "Published", "compose", "gather", "publish"]


@dataclass(frozen=True, kw_only=True)
class Published:
    """
    site: the folder. pages: how many reports it shows. changed: generated files that are new, other or gone.
    printed: PDFs that were made anew. part: whether only what is new was built.
    """

    site: Path
    pages: int
    changed: tuple[str, ...]
    printed: int = 0
    part: bool = False


@contextmanager
def settled() -> Iterator[None]:
    """What is loaded by now stays: the collector need not look through it again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@settled()
def publish(
    root: Path,
    *,
    now: datetime | None = None,
    states: Mapping[str, str] | None = None,
    seal: Callable[..., object] | None = None,
    pdf: bool = False,
    full: bool = False,
    progress: Callable[[float], object] = float,
) -> Published:
    """
    Makes the pages around the reports of the workspace at `root`, then its site: all of it, or where a site stands that
    was built from the same configuration, only what is new or speaks of what is new.

    now: what "today", "late" and the age of data are counted to; the newest report's own time by default, so that the
    same reports give the same bytes. states: see pages.evidence. seal: called with what was built, and where that is a
    part with the site it goes into (`base`), to lay the evidence beside it. pdf: with a PDF of each report. full: build
    all in any case. progress: told the share of the build that is done. Raises PublishFailed, the old site untouched.
    """
    from .hooks import Plan
    from .paper import print_pages
    from .site import build_site, site_of
    from .state import State, fingerprint, forget, news, read_state, stamps, write_state
    from .tree import read_manifest, write_pages

    if not (root / "mkdocs.yml").is_file():
        raise PublishFailed(
            f"{root / 'mkdocs.yml'}: there is none; 'deploybook init . --no-sample' writes what is missing"
        )
    reports, mark = root / "reports", fingerprint(root, pdf)
    before = None if full else read_state(root, site_of(root), mark)
    folders = scan(reports, before.folders if before else {})
    fresh = news(before.folders, folders) if before else None
    pages = listed(reports, folders)
    touched = None if fresh is None else [page for page in pages if page.path in fresh.pages]
    around = compose(pages, now=now, states=states, log=log_before(pages), touched=touched)
    changed = write_pages(reports, around, all_of_them=fresh is None)
    del around
    read_facts.cache_clear()  # MkDocs takes the room
    only = (
        None
        if fresh is None
        else {path for path in {*fresh.files, *changed, *NAVIGATION} if (reports / path).is_file()}
    )
    printed = [page for page in pages if pdf and not page.brief.failed]
    as_of = max((page.as_of for page in pages), default=None)
    counts: list[int] = []

    def finish(staging: Path, site: Path) -> None:
        if pdf:
            fitting = [page for page in printed if only is None or f"{page.path}.md" in only]
            counts.append(print_pages(staging, site, fitting))
        if seal:
            seal(staging, **({} if only is None else {"base": site}))

    plan = Plan(
        only=only,
        sources=lambda: {
            *(f"{place}/{name}" for place, folder in folders.items() for name in folder.files if name.endswith(".md")),
            *(path for path in read_manifest(reports) if path.endswith(".md")),
        },
        unsearched=unsearched(pages),
        printed=frozenset(f"{page.path}.md" for page in printed),
        as_of=as_of,
        progress=progress,
    )
    forget(root)
    built = build_site(
        root, plan, hashes=frozenset(before.hashes if before and only is not None else ()), finish=finish
    )
    if built.again:
        hashes = sorted(built.hashes)
        write_state(root, State(fingerprint=mark, site=stamps(built.site), hashes=hashes, folders=folders))
    return Published(
        site=built.site,
        pages=len(pages),
        changed=changed,
        printed=sum(counts),
        part=only is not None,
    )


def unsearched(pages: Sequence[Page]) -> frozenset[str]:
    """The pages that search leaves out: old reports, and what was made for deployments that have only such."""
    from .pages.frame import by_deployment
    from .pages.paths import change_path, evidence_path

    searched = {page.path for page in pages[:MOST_SEARCHED] if pages[0].as_of - page.as_of <= SEARCHED}
    left = {f"{page.path}.md" for page in pages if page.path not in searched}
    groups = by_deployment(pages)
    shown = {change_path(group[0]) for group in groups.values() if group[0].path in searched}
    for slug, group in groups.items():
        if group[0].path not in searched:
            left |= {f"{evidence_path(slug)}.md", *(f"{path}.md" for path in {change_path(group[0])} - shown)}
    return frozenset(left)


def log_before(pages: Sequence[Page]) -> dict[str, Any] | None:
    """The evidence log as the newest run found it: what is printed cannot count the publication that prints it."""
    newest = max(pages, key=lambda page: page.brief.log_size, default=None)
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
        waiting = [*touched, *(each for each in newest if each and each.brief.waits)]
    return {
        **failed.failed([page for page in (pages if touched is None else touched) if page.brief.failed]),
        **home.home(pages, now),
        **archive.archive(pages, touched),
        **metrics.metric_pages(pages, touched),
        **changes.changes(pages, now, waiting),
        **registers.registers(pages, now),
        **evidence.evidence(pages, states, log, touched),
    }

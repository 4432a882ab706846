"""What all generated pages share: front matter, the way home, one h1; and how verdicts are counted and ordered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ... import wording
from ...sections import markup
from ...sections.page import Shown
from ...sections.text import Html, fill, front_matter, heading
from ..gather import Page, Pages, way

MOST_ROWS = 100
SEVERITY = ("Breach", "No data", "Unclear", "Watch", "Not produced", "Pass", "Not applicable", "Pending")


def frame(
    path: str,
    title: str,
    blocks: Iterable[str],
    steps: Sequence[tuple[str, str]] = (),
    contents: bool = False,
    searched: bool = True,
) -> str:
    """A whole page. steps: (name, path) of the pages above it; contents: with the list of contents at its side."""
    hide = ["navigation"] if contents else ["navigation", "toc"]
    crumbs = markup.crumbs([(name, way(path, target)) for name, target in steps]) if steps else ""
    keys: dict[str, object] = {} if searched else {"search": {"exclude": True}}
    parts = [front_matter(title, "", hide=hide, **keys), crumbs, heading(title, 1), *blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def gravity(word: str) -> int:
    """Where a word stands, worst first; a word of no rank (an outcome) behind Breach."""
    return SEVERITY.index(word) if word in SEVERITY else 1


def counted(words: Iterable[str]) -> str:
    """'6 Pass, 1 Watch', the most frequent first."""
    counts = Counter(words)
    return ", ".join(
        f"{count} {word}" for word, count in sorted(counts.items(), key=lambda item: (-item[1], gravity(item[0])))
    )


def rebase(block: str, origin: str, page: Page) -> Html:
    """A block of a report page for use on another page: its relative addresses lead back to where it came from."""

    def lead(found: re.Match[str]) -> str:
        target = page.address + found[1] if found[1].startswith("#") else f"{page.path.rpartition('/')[0]}/{found[1]}"
        return f'href="{way(origin, target)}"'

    return Html(re.sub(r'href="(?![a-z]+:|/)([^"]*)"', lead, block))


def number(origin: str, page: Page, text: str, figure: Shown) -> Html:
    """A number that a report page prints, as the figure that it is there."""
    id, value, display = figure
    before, found, after = text.partition(display) if id else (text, "", "")
    made = markup.figure_value(value, display, id, way(origin, page.address)) if found else Html()
    return fill("{before}{made}{after}", before=before, made=made, after=after)


def report_line(origin: str, page: Page) -> markup.Line:
    facts = page.facts
    note = " · ".join(part for part in (page.at(page.as_of, year=True), facts.ticket) if part)
    if facts.failure:
        note = facts.failure.sentence
    return markup.Line(word=page.word, text=page.title, note=note, href=way(origin, page.address))


def track_of(origin: str, pages: Sequence[Page], now: object) -> Html:
    """The observation window of one deployment, from its newest page that was produced; stops lead to their pages."""
    newest = next(page for page in pages if not page.brief.failed)
    by_after = {page.facts.after: page for page in reversed(pages) if page.facts.after}
    stops = [markup.Stop(name="Open", at=newest.at(newest.facts.end), note="window opens")]
    for line in newest.facts.checkpoints:
        made = by_after.get(line.after)
        note = line.note
        if line.word == "Pending":
            late = isinstance(now, type(line.due)) and line.due < now
            note = f"late by {wording.how_long(now - line.due)}" if late else "not due yet"  # type: ignore[operator]
        stops.append(
            markup.Stop(
                name=f"+{line.after}",
                at=newest.at(line.due),
                note=note,
                word=made.word if made else line.word,
                href=way(origin, made.address) if made else "",
            )
        )
    return markup.track(stops)


def newest_produced(pages: Sequence[Page]) -> Page | None:
    return next((page for page in pages if not page.brief.failed), None)


def by_deployment(pages: Sequence[Page]) -> dict[str, list[Page]]:
    """Pages of each deployment, grouped once for all that asks."""
    return (pages if isinstance(pages, Pages) else Pages(pages)).by_deployment


def verdict_of(page: Page, detail: str = "") -> Html:
    facts = page.facts
    return markup.verdict_block(
        facts.word, facts.sentence, detail or facts.detail, facts.number, facts.number_notes, modifier=facts.modifier,
        kind="not-applicable" if facts.closed and facts.closed != "succeeded" else None,
    )  # fmt: skip


def capped(
    origin: str,
    caption: str,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[object]],
    total: int,
    most: int = MOST_ROWS,
) -> str:
    """A table of the newest rows; of `total` the rest is told and left to the archive, so that no page grows without end."""
    shown = markup.table(caption, columns, rows[:most])
    if total <= most:
        return shown
    archive = markup.link("Reports, by month", way(origin, "archive/index.html"))
    return shown + fill("\n\n<p>{count} older ones: {archive}.</p>", count=total - most, archive=archive)

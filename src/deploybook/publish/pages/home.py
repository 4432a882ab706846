"""Today: what is live and how it stands, what needs a person, what was reported last, what moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ... import wording
from ...register import REGISTERS, when_text
from ...sections import markup, people
from ...sections.text import Html, fill
from ...times import iso
from ..gather import Page, way
from . import frame as f
from .paths import change_path, evidence_path

PATH = "index"
RISKS, ACTIONS = "registers/risks.html", "registers/actions.html"
MOST_ASKS, MOST_KEPT, MOST_REPORTS = 8, 6, 6


def home(pages: Sequence[Page], now: datetime) -> dict[str, str]:
    if not pages:
        body = [markup.callout("Nothing published yet", "`deploybook report` makes the first report.")]
        return {f"{PATH}.md": f.frame(PATH, "No report yet", body)}
    groups = f.by_deployment(pages)
    live = {slug: group for slug, group in groups.items() if is_open(group, now)}
    title = wording.day_text(now.astimezone(pages[0].zone).date(), year=True, weekday=True)
    shown = live or dict(list(groups.items())[:1])
    top = list(one(next(iter(shown.values())), now)) if len(shown) == 1 else list(several(shown, now)) if shown else []
    watched = [page for group in shown.values() for page in group]
    columns = markup.columns(
        titled("Needs a person", markup.needs_person([*asks(pages, watched, now), *kept(groups, shown, now)])),
        titled("Latest reports", markup.listing([f.report_line(PATH, page) for page in pages[:MOST_REPORTS]])),
    )
    moved = list(what_moved(next(iter(shown.values())))) if len(shown) == 1 else []
    return {f"{PATH}.md": f.frame(PATH, title, [*top, columns, *moved])}


def titled(title: str, block: Html) -> Html:
    return fill("<h2>{title}</h2>\n{block}", title=title, block=block)


def is_open(group: Sequence[Page], now: datetime) -> bool:
    """Whether the deployment is under observation: not closed, a checkpoint still to come; or nothing known in its time."""
    newest = f.newest_produced(group)
    return newest.brief.open if newest else now < group[0].facts.observed_until


def one(group: Sequence[Page], now: datetime) -> Iterator[str]:
    """The one window that is open, or the last one."""
    newest = f.newest_produced(group)
    if newest is None:
        yield markup.verdict_block("Not produced", f"No report of {group[0].subject} could be made.")
        return
    facts = newest.facts
    yield f.verdict_of(newest)
    yield markup.facts_line(facts_of(newest, now))
    report = next((page for page in group if page.brief.kind == "outcome"), newest)
    targets = [("Latest report", newest.address), ("Deployment report", report.address)]
    targets += [("What moved, day by day", "metrics/index.html"), ("The change", change_path(newest) + ".html")]
    targets += [("Evidence", evidence_path(facts.deployment) + ".html"), ("Risks and actions", "registers/risks.html")]
    yield markup.doors([(name, way(PATH, target)) for name, target in targets])
    if facts.checkpoints:
        passed, whole = min(now, facts.observed_until) - facts.end, facts.observed_until - facts.end
        yield f"## Observation window · {wording.how_long(passed)} of {wording.how_long(whole)}"
        yield f.track_of(PATH, group, now)


def facts_of(page: Page, now: datetime) -> list[tuple[str, object]]:
    facts = page.facts
    until = facts.data_until or page.as_of
    age = f", {wording.how_long(now - until)} old" if now > until else ""
    due = next((line for line in facts.checkpoints if line.word == "Pending"), None)
    return [
        ("Change", page.subject),
        ("Service", facts.service),
        ("Lead", facts.lead),
        ("Data until", markup.moment(page.at(until) + age, iso(until))),
        ("As of", markup.moment(page.at(now), iso(now))),
        ("Next", f"+{due.after}, {page.at(due.due)}" if due else ""),
    ]


def several(live: dict[str, list[Page]], now: datetime) -> Iterator[str]:
    """All open windows: one row each, worst first, by team."""
    newest = [f.newest_produced(group) or group[0] for group in live.values()]
    newest.sort(key=lambda page: (f.gravity(page.word), page.path))
    worst = next((page.word for page in newest if not page.brief.failed), "Not produced")
    sentence = f"{len(newest)} deployments under observation: {f.counted(page.word for page in newest)}."
    yield markup.verdict_block(worst, sentence, modifier="so far" if worst == "Pass" else "")
    for team in dict.fromkeys(page.facts.team for page in newest):
        rows = [
            [
                markup.link(page.facts.name, way(PATH, page.address)),
                page.facts.service,
                page.facts.ticket,
                facts_of(page, now)[-1][1],
                f.number(PATH, page, page.facts.number, page.facts.number_figure),
                markup.status(page.spoken, markup.kind_of(page.word)),
            ]
            for page in newest
            if page.facts.team == team
        ]
        columns = [("Deployment", "head"), ("Service", "text"), ("Change", "text"), ("Next", "text")]
        yield markup.table(team or "Under observation", [*columns, ("Figure", "number"), ("Status", "status")], rows)


def asks(pages: Sequence[Page], watched: Sequence[Page], now: datetime) -> list[markup.Line]:
    """What asks for a person, worst first; a Watch that has cleared stays until the deployment is closed."""
    found: dict[str, markup.Line] = {}
    for page in pages[:MOST_REPORTS]:
        if page.brief.failed:
            found.setdefault(page.path, f.report_line(PATH, page))
    for page in watched:
        for ask in page.facts.asks:
            note = f"{ask.note} ({page.facts.title})" if ask.note else page.facts.title
            line = markup.Line(word=ask.word, text=ask.text, note=note, href=way(PATH, page.address))
            found.setdefault(ask.text, line)
    lines = sorted(found.values(), key=lambda line: f.gravity(line.word))
    return lines[:MOST_ASKS]


def kept(groups: dict[str, list[Page]], shown: dict[str, list[Page]], now: datetime) -> list[markup.Line]:
    """Late checkpoints and risks of what is shown; of all that people keep up what is overdue, due today or opened."""
    newest = {slug: page for slug, group in list(groups.items())[: f.MOST_ROWS] if (page := f.newest_produced(group))}
    first = [page for slug, page in newest.items() if slug in shown]
    found = [
        line
        for page in [*first, *(page for page in newest.values() if page not in first)]
        for line in asking(page, now)
    ]
    more = [markup.Line(word="More", text=f"{len(found) - MOST_KEPT} more in the registers", href=ACTIONS)]
    return [
        *(line for page in first for line in late(page, now)),
        *found[:MOST_KEPT],
        *(more if len(found) > MOST_KEPT else []),
        *(line for page in first for line in risks(page)),
    ]


def asking(page: Page, now: datetime) -> list[markup.Line]:
    facts = page.facts
    lines = (*facts.risks, *facts.actions, *facts.priorities, *facts.checks)
    return people.asking(lines, now, page.zone, dict.fromkeys(REGISTERS, ACTIONS) | {"risks": RISKS})


def late(page: Page, now: datetime) -> Iterator[markup.Line]:
    for line in page.facts.checkpoints:
        if line.word == "Pending" and line.due < now:
            text = f"+{line.after} checkpoint is late by {wording.how_long(now - line.due)}"
            yield markup.Line(word="Pending", text=text, note=f"due {page.at(line.due)}")


def risks(page: Page) -> Iterator[markup.Line]:
    """Those that are not green."""
    for status in ("Red", "Yellow"):
        found = [risk for risk in page.facts.risks if risk.status.capitalize() == status]
        if found:
            reviews = [risk.when for risk in found if risk.when]
            note = f"Next review {when_text(min(reviews), page.zone)}" if reviews else ""
            text = f"{wording.listed([risk.id for risk in found])} open"
            yield markup.Line(word=status, text=text, note=note, href=RISKS)


def what_moved(group: Sequence[Page]) -> Iterator[str]:
    newest = f.newest_produced(group)
    if newest is None:
        return
    if table := newest.whole.table:
        yield "## What moved"
        yield f.rebase(table, PATH, newest)
    for page in group:
        if chart := page.whole.chart:
            yield "## Over the window"
            yield f.rebase(chart, PATH, page)
            return

"""The life of each change: approved, deployed, observed, closed; with its reports and evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from ...sections import markup
from ...times import iso
from ..gather import Page, way
from . import frame as f
from .paths import change_path, evidence_path

PATH = "changes/index"
STEPS = [("Today", "index.html"), ("Changes", "changes/index.html")]


def changes(pages: Sequence[Page], now: datetime, touched: Collection[Page] | None = None) -> dict[str, str]:
    """The list of all changes, and one page for each; for the touched ones where they are given."""
    groups: dict[str, list[list[Page]]] = {}
    for group in f.by_deployment(pages).values():
        groups.setdefault(change_path(group[0]), []).append(group)
    wanted = groups.keys() if touched is None else {change_path(page) for page in touched}
    made = {f"{path}.md": change_page(path, found, now) for path, found in groups.items() if path in wanted}
    rows = [(path, group) for path, deployments in groups.items() for group in deployments]
    columns = [
        ("Change", "head"),
        ("Ticket", "text"),
        ("Service", "text"),
        ("Deployed", "text"),
        ("Lead", "text"),
        ("Status", "status"),
    ]
    registers = [
        ("Risks", "registers/risks.html"),
        ("Actions", "registers/actions.html"),
        ("Lessons", "registers/lessons.html"),
    ]
    shown = [index_row(*row) for row in rows[: f.MOST_ROWS]]
    table = (
        f.capped(PATH, "Newest first", columns, shown, len(rows))
        if rows
        else markup.listing([], "No change was reported yet.")
    )
    doors = markup.doors([(name, way(PATH, target)) for name, target in registers])
    made[f"{PATH}.md"] = f.frame(PATH, "Changes", [doors, table], STEPS)
    return made


def index_row(path: str, group: Sequence[Page]) -> list[object]:
    newest = f.newest_produced(group) or group[0]
    facts = newest.facts
    status = markup.status(newest.spoken, markup.kind_of(newest.word))
    name = markup.link(facts.name, way(PATH, f"{path}.html"))
    return [name, facts.ticket, facts.service, newest.at(facts.start, year=True), facts.lead, status]


def change_page(path: str, deployments: Sequence[Sequence[Page]], now: datetime) -> str:
    blocks: list[str] = []
    for group in deployments:
        newest = f.newest_produced(group)
        facts = (newest or group[0]).facts
        if newest is None:
            blocks.append(markup.verdict_block("Not produced", "No report of this change could be made."))
        else:
            blocks.append(f.verdict_of(newest))
        blocks.append(
            markup.facts_line(
                [("Version", facts.version), ("Service", facts.service), ("Team", facts.team), ("Lead", facts.lead)]
            )
        )
        if facts.life:
            blocks += ["## Life of the change", life(newest or group[0], facts.ticket or facts.name)]
        if newest and facts.checkpoints:
            blocks += ["## Observation", f.track_of(path, group, now)]
        reports = markup.listing([f.report_line(path, page) for page in group])
        evidence = markup.doors(
            [("Evidence behind these reports", way(path, f"{evidence_path(facts.deployment)}.html"))]
        )
        blocks += ["## Reports and evidence", reports, evidence]
    first = (f.newest_produced(deployments[0]) or deployments[0][0]).facts
    title = f"{first.ticket} · {first.name}" if first.ticket else first.name
    return f.frame(path, title, blocks, STEPS, contents=True)


def life(page: Page, name: str) -> str:
    rows = [
        [markup.moment(page.at(step.at), iso(step.at)), step.step, step.by, step.result] for step in page.facts.life
    ]
    return markup.table(
        f"Steps of {name}", [("When", "head"), ("Step", "text"), ("By", "text"), ("Result", "status")], rows
    )

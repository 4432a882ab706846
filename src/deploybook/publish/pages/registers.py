"""Risks, actions and lessons of the newest deployments, each as its newest report says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ...register import REGISTERS, RegisterLine
from ...sections import markup, people
from ...sections.text import heading, written
from ..gather import Page, way
from . import frame as f

STEPS = [("Today", "index.html"), ("Changes", "changes/index.html")]


def registers(pages: Sequence[Page], now: datetime) -> dict[str, str]:
    groups = list(f.by_deployment(pages).values())[: f.MOST_ROWS]
    newest = [page for group in groups if (page := f.newest_produced(group))]
    return {
        "registers/risks.md": register("registers/risks", newest, now, "risks"),
        "registers/actions.md": register("registers/actions", newest, now, "actions", "priorities", "checks"),
        "registers/lessons.md": lessons("registers/lessons", newest),
    }


def register(path: str, pages: Sequence[Page], now: datetime, *names: str) -> str:
    """A page with the lines of these registers that have an id; the first one gives it its title."""
    blocks: list[str] = []
    for name in names:
        found = [(page, line) for page in pages for line in getattr(page.facts, name) if line.id]
        blocks += [heading(REGISTERS[name])] * bool(found and blocks)
        blocks += [table(path, name, found, now)] * bool(found)
    return f.frame(path, REGISTERS[names[0]], blocks or [markup.listing([], "None on record.")], STEPS)


def table(path: str, name: str, lines: Sequence[tuple[Page, RegisterLine]], now: datetime) -> str:
    rows = [
        (
            line.id,
            line.text,
            markup.link(page.subject, way(path, page.address)),
            line.owner,
            people.due(line, page.zone),
            people.standing(line, now, page.zone),
            people.said(line),
        )
        for page, line in lines
    ]
    columns = [("Id", "head"), ("What", "text"), ("Change", "text"), ("Owner", "text")]
    columns += [("Next review" if name == "risks" else "Due", "text"), *people.last_columns(name)]
    return f.capped(path, "As last reported, newest change first", columns, rows, len(rows))


def lessons(path: str, pages: Sequence[Page]) -> str:
    blocks: list[str] = []
    for page in pages:
        if page.facts.lessons.strip():
            link = markup.link("the report", way(path, page.address))
            blocks += [heading(page.subject), written(page.facts.lessons), f"<p>From {link}.</p>"]
    return f.frame(path, "Lessons", blocks or [markup.listing([], "None on record.")], STEPS, contents=len(blocks) > 3)

"""Risks, actions and lessons of the newest deployments, each as its newest report says."""

from __future__ import annotations

from collections.abc import Sequence

from ...sections import markup
from ...sections.page import RegisterLine
from ...sections.text import heading, written
from ..gather import Page, way
from . import frame as f

STEPS = [("Today", "index.html"), ("Changes", "changes/index.html")]


def registers(pages: Sequence[Page]) -> dict[str, str]:
    groups = list(f.by_deployment(pages).values())[: f.MOST_ROWS]
    newest = [page for group in groups if (page := f.newest_produced(group))]
    return {
        "registers/risks.md": register("registers/risks", "Risks", "Risk", "Next review", newest),
        "registers/actions.md": register("registers/actions", "Actions", "Action", "Due", newest),
        "registers/lessons.md": lessons("registers/lessons", newest),
    }


def register(path: str, title: str, noun: str, when: str, pages: Sequence[Page]) -> str:
    rows = [
        [
            line.id,
            line.text,
            markup.link(page.subject, way(path, page.address)),
            line.owner,
            page.at(line.when) if line.when else "",
            line.status,
        ]
        for page in pages
        for line in lines_of(page, title)
    ]
    columns = [
        ("Id", "head"),
        (noun, "text"),
        ("Change", "text"),
        ("Owner", "text"),
        (when, "text"),
        ("Status", "status"),
    ]
    body = (
        f.capped(path, "As last reported, newest change first", columns, rows, len(rows))
        if rows
        else markup.listing([], "None on record.")
    )
    return f.frame(path, title, [body], STEPS)


def lines_of(page: Page, title: str) -> tuple[RegisterLine, ...]:
    return page.facts.risks if title == "Risks" else page.facts.actions


def lessons(path: str, pages: Sequence[Page]) -> str:
    blocks: list[str] = []
    for page in pages:
        if page.facts.lessons.strip():
            link = markup.link("the report", way(path, page.address))
            blocks += [heading(page.subject), written(page.facts.lessons), f"<p>From {link}.</p>"]
    return f.frame(path, "Lessons", blocks or [markup.listing([], "None on record.")], STEPS, contents=len(blocks) > 3)

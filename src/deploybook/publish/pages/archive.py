"""Reports by year and month, with the verdicts counted in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from itertools import groupby

from ...sections import markup
from ...sections.text import fill
from ...times import iso
from ...wording import plural
from ..gather import Page, way
from . import frame as f
from .paths import change_path

PATH = "archive/index"
LONG = ("January February March April May June July August September October November December").split()  # noqa: SIM905


def archive(pages: Sequence[Page], touched: Collection[Page] | None = None) -> dict[str, str]:
    """The index of all months, and one page a month; of the touched ones where they are given."""
    found: dict[str, list[Page]] = {}
    for page in pages:
        found.setdefault(page.month, []).append(page)
    months = dict(sorted(found.items(), reverse=True))
    wanted = months.keys() if touched is None else {page.month for page in touched}
    made = {f"{month}/index.md": month_page(month, group) for month, group in months.items() if month in wanted}
    blocks: list[str] = [] if months else [markup.listing([], "No report yet.")]
    for year, group in groupby(months, key=lambda month: month[:4]):
        rows = [
            [
                markup.link(month_name(month), way(PATH, f"{month}/index.html")),
                str(len(months[month])),
                f.counted(page.word for page in months[month]),
            ]
            for month in group
        ]
        blocks += [
            f"## {year}",
            markup.table(f"Reports of {year}", [("Month", "head"), ("Reports", "number"), ("Verdicts", "text")], rows),
        ]
    made[f"{PATH}.md"] = f.frame(PATH, "Reports", blocks, [("Today", "index.html"), ("Reports", "archive/index.html")])
    return made


def month_name(month: str) -> str:
    """'January 2025' of '2025/01'; the folder's own name where it is no month."""
    try:
        day = date(int(month[:4]), int(month[5:]), 1)
    except ValueError:
        return month
    return f"{LONG[day.month - 1]} {day.year}"


def month_page(month: str, pages: Sequence[Page]) -> str:
    path = f"{month}/index"
    rows = [
        [
            markup.link(page.title, way(path, page.address)),
            markup.moment(page.at(page.as_of), iso(page.as_of)),
            change_link(path, page),
            page.facts.service or page.facts.team,
            f.number(path, page, page.facts.number, page.facts.number_figure),
            markup.status(page.spoken, markup.kind_of(page.word)),
        ]
        for page in pages
    ]
    columns = [
        ("Report", "head"),
        ("As of", "text"),
        ("Change", "text"),
        ("Service", "text"),
        ("Figure", "number"),
        ("Status", "status"),
    ]
    summary = f"{plural(len(pages), 'report')}: {f.counted(page.word for page in pages)}."
    steps = [("Today", "index.html"), ("Reports", "archive/index.html")]
    return f.frame(
        path,
        month_name(month),
        [fill("<p>{summary}</p>", summary=summary), markup.table("Newest first", columns, rows)],
        steps,
    )


def change_link(path: str, page: Page) -> object:
    facts = page.facts
    return markup.link(facts.ticket or facts.name, way(path, f"{change_path(page)}.html")) if facts.deployment else ""

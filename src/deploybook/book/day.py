"""
One day over all deployments: the word of each, what needs a person, what is due tomorrow.

    from deploybook import Day
    today = Day.open("2025-01-22")
    today["verdicts"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from .. import records, register, wording
from ..errors import DeploybookError, UsageProblem
from ..facts import Facts
from ..model import Deployment, Verdict, worst
from ..register import REGISTERS, Compared, RegisterLine, compare, state, when_text
from ..sections import Block, Html, markup, people, plan, say, summary
from ..sections.text import heading, prose
from ..times import at_clock, iso, local_day
from . import Book, _near, _workspace
from .memory import Memory, remember

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Due:
    """Something that is due: when, for which deployment, what, and who does it."""

    at: datetime
    title: str
    zone: ZoneInfo
    what: str
    who: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """
    The registers of one deployment on the day, each line with what became of it. facts: None where the day does not
    touch the deployment and only its open lines keep it here. first: no earlier report tells of it.
    """

    slug: str
    title: str
    zone: ZoneInfo
    lines: tuple[RegisterLine, ...]
    compared: tuple[Compared, ...]
    facts: Facts | None = None
    first: bool = False

    def text(self, line: RegisterLine) -> Html:
        return say.line(self.facts, line.text) if self.facts else prose(line.text)


class Day:
    """
    A local day. Every deployment counts whose window or observation touches it, as known at the end of the day.

    day: in the workspace's zone, or in the zone of its first deployment.
    """

    def __init__(self, workspace: records.Workspace, day: date) -> None:
        self.workspace = workspace
        self.day = day

    @classmethod
    def open(cls, day: str | date, *, workspace: Path | str | None = None) -> Day:
        """The day written as '2025-01-22'. Raises UsageProblem for what is no day."""
        try:
            chosen = day if isinstance(day, date) else date.fromisoformat(day)
        except ValueError:
            raise UsageProblem(f"day: {day!r} is not a day; write '2025-01-22'") from None
        return cls(_workspace(workspace), chosen)

    @cached_property
    def zone(self) -> ZoneInfo:
        zone = records.read_settings(self.workspace).zone
        return zone or next((book.deployment.zone for book in self._all), ZoneInfo("UTC"))

    @cached_property
    def _all(self) -> tuple[Book, ...]:
        found = []
        for slug in records.slugs(self.workspace):
            with suppress(DeploybookError):  # `check` says what is wrong with it
                found.append(Book.open(slug, workspace=self.workspace.root))
        return tuple(found)

    @property
    def end(self) -> datetime:
        """What the report is as of: the workspace's `daily` time on that day, else the end of the day; UTC."""
        clock = records.read_settings(self.workspace).daily
        return at_clock(self.day, clock, self.zone) if clock else at_clock(self.day + DAY, "00:00", self.zone)

    @cached_property
    def facts(self) -> tuple[Facts, ...]:
        """The facts of every deployment the day touches, worst first."""
        start = at_clock(self.day, "00:00", self.zone)
        touched = [
            book.deployment
            for book in self._all
            if book.deployment.end <= self.end and book.deployment.observed.end > start
        ]
        known = [
            Book.open(each.slug, workspace=self.workspace.root, as_of=min(self.end, each.observed.end)).facts
            for each in touched
        ]
        order = [Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.WARN]
        return tuple(sorted(known, key=lambda facts: order.index(facts.verdict) if facts.verdict in order else 9))

    @cached_property
    def memory(self) -> Memory:
        return remember(self.workspace.root / "evidence", self.day)

    @cached_property
    def registers(self) -> tuple[Kept, ...]:
        """Of every deployment the day touches, and of those that the last report left with something open."""
        touched = [self._kept(facts.deployment, facts.registers, facts) for facts in self.facts]
        known = {kept.slug for kept in touched}
        left = [slug for slug, lines in self.memory.registers.items() if not all(line.closed for line in lines)]
        return *touched, *(self._carried(slug) for slug in left if slug not in known)

    def _carried(self, slug: str) -> Kept:
        """As the files say by now; as they were recorded where they cannot be read, which `check` tells."""
        book = next((book for book in self._all if book.deployment.slug == slug), None)
        there = slug in records.slugs(self.workspace)
        lines = self.memory.registers[slug] if there else ()
        if book is not None:
            with suppress(DeploybookError):
                lines = register.lines(book.deployment, book.records, self.memory.words.get(slug, {}), self.end)
        return self._kept(book.deployment if book else slug, lines)

    def _kept(self, of: Deployment | str, lines: tuple[RegisterLine, ...], facts: Facts | None = None) -> Kept:
        """of: the deployment, or its slug where it cannot be read."""
        slug, title, zone = (of, of, self.zone) if isinstance(of, str) else (of.slug, of.title, of.zone)
        before = self.memory.registers.get(slug)
        return Kept(
            slug=slug, title=title, zone=zone, lines=lines, compared=compare(before, lines), facts=facts, first=before is None
        )  # fmt: skip

    @property
    def verdict(self) -> Verdict:
        """The worst word of the day; not applicable where no deployment touches it."""
        return worst([facts.verdict for facts in self.facts], none=Verdict.NOT_APPLICABLE)

    @property
    def sentence(self) -> str:
        if not self.facts:
            return "No deployment window or observation touches this day."
        words = [summary.whole(facts)[0] for facts in self.facts]
        order = [*map(wording.word, Verdict), *wording.ENDED.values()]
        parts = [f"{words.count(word)} {word}" for word in order if word in words]
        return f"{wording.plural(len(self.facts), 'deployment')}: {wording.listed(parts)}."

    def __getitem__(self, name: str) -> Block:
        if name not in SECTIONS:
            raise UsageProblem(
                f"{name!r} is not a section of a day{_near(name, SECTIONS)}; sections are {', '.join(SECTIONS)}"
            )
        return Block(name=name, markdown=SECTIONS[name](self))


def show_summary(day: Day) -> str:
    return markup.verdict_block(wording.word(day.verdict), day.sentence)


def show_verdicts(day: Day) -> str:
    """One row a deployment, worst first, by team."""
    if not day.facts:
        return ""
    rows = [
        (
            facts.deployment.title,
            facts.deployment.ticket,
            facts.deployment.team or facts.deployment.service,
            wording.window_text(facts.deployment.window, facts.deployment.zone),
            facts.sentence,
            markup.status(summary.whole(facts)[0]),
        )
        for facts in day.facts
    ]
    columns = [
        ("Deployment", "head"),
        ("Change", "text"),
        ("Team", "text"),
        ("Window", "text"),
        ("In one sentence", "text"),
        ("Status", "status"),
    ]
    blocks = [markup.table("As known at the end of the day", columns, rows)]
    blocks += [Html(str(heading(facts.deployment.title, 3)) + "\n\n" + plan.track(facts)) for facts in day.facts]
    return section("Verdicts", "verdicts", "\n\n".join(blocks))


def show_needs(day: Day) -> str:
    """What asks for a person, over all deployments: what was measured, then what is overdue, due today or opened."""
    blocks = []
    for each in day.registers:
        measured = summary.needs_a_person(each.facts) if each.facts else ""
        asking = people.asking(each.lines, day.end, each.zone)
        parts = [part for part in (measured, markup.needs_person(asking) if asking else "") if part]
        blocks += ["\n\n".join([heading(each.title, 3), *parts])] if parts else []
    return section("Needs a person", "needs", "\n\n".join(blocks) or markup.needs_person([]))


def show_tomorrow(day: Day) -> str:
    """Checkpoints, people's checks, actions and reviews that are due from the report's time to the end of the next day."""
    tomorrow = [due for due in all_due(day) if due.at >= day.end and local_day(due.at, day.zone) <= day.day + DAY]
    rows = [
        (markup.moment(when_text(due.at, due.zone), iso(due.at)), due.what, due.title, due.who)
        for due in sorted(tomorrow, key=lambda due: (due.at, due.what))
    ]
    if not rows:
        return section("Due tomorrow", "tomorrow", "Nothing is due tomorrow.")
    columns = [("Time", "head"), ("What", "text"), ("Deployment", "text"), ("Who", "text")]
    caption = f"To the end of {wording.day_text(day.day + DAY, year=True, weekday=True)}"
    return section("Due tomorrow", "tomorrow", markup.table(caption, columns, rows, zone=day.zone.key))


def all_due(day: Day) -> Iterator[Due]:
    for facts in day.facts:
        for each in facts.checkpoints:
            if each.verdict is Verdict.PENDING:
                what = f"{wording.after_text(each.after)} checkpoint"
                yield Due(
                    at=each.due, title=facts.deployment.title, zone=facts.deployment.zone, what=what, who="automatic"
                )
    for kept in day.registers:
        for line in kept.lines:
            if line.when and not line.closed:
                what = line.name + (f" ({line.waits})" if line.waits else "")
                yield Due(at=line.when, title=kept.title, zone=kept.zone, what=what, who=line.owner)


def show_registers(day: Day) -> str:
    """What is open, and what became of it since the last report; what was closed before is left out."""
    shown = [(kept, one) for kept in day.registers for one in kept.compared if one.change or not one.line.closed]
    if not shown:
        return ""
    blocks = [say.paragraph(since(day, [one.change for _, one in shown]))]
    for name in REGISTERS:
        rows = [(kept, one) for kept, one in shown if one.line.register == name]
        rows.sort(key=lambda row: (state(row[1].line, day.end, row[0].zone) != "overdue", not row[1].change))
        blocks += [register_table(day, name, rows)] * bool(rows)
    return section("Registers", "registers", "\n\n".join(blocks))


def since(day: Day, changes: Sequence[str]) -> str:
    """'Since the daily report of Tuesday 21 Jan 2025: 1 new, 2 changed.'"""
    if day.memory.day is None:
        return "First report: no earlier daily report is on record to compare with."
    counts = [f"{changes.count(name)} {text.lower()}" for name, text in people.CHANGES.items() if name in changes]
    before = wording.day_text(day.memory.day, year=True, weekday=True)
    first = [kept.title for kept in day.registers if kept.first and kept.lines]
    more = f" First listed: {wording.listed(first)}." if first else ""
    return f"Since the daily report of {before}: {', '.join(counts) or 'nothing changed'}.{more}"


def register_table(day: Day, name: str, rows: Sequence[tuple[Kept, Compared]]) -> Html:
    cells = [
        (
            one.line.id,
            kept.text(one.line),
            one.line.owner,
            people.due(one.line, kept.zone),
            people.became(one, kept.zone),
            kept.title if len(day.registers) > 1 else "",
            people.standing(one.line, day.end, kept.zone) if one.change != "removed" else "",
            people.said(one.line),
        )
        for kept, one in rows
    ]
    when = "Next review" if name == "risks" else "Due"
    last = f"Since {wording.day_text(day.memory.day)}" if day.memory.day else ""
    columns = [("Id", "head"), ("What", "text"), ("Owner", "text"), (when, "text"), (last, "text")]
    return people.grid(name, REGISTERS[name], [*columns, ("Deployment", "text")], cells)


def section(title: str, name: str, body: str) -> str:
    return f"{heading(title)} {{: #{name} }}\n\n{body}"


SECTIONS: dict[str, Callable[[Day], str]] = {
    "summary": show_summary,
    "verdicts": show_verdicts,
    "needs": show_needs,
    "tomorrow": show_tomorrow,
    "registers": show_registers,
}

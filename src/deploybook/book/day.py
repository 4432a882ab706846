"""
One day over all deployments: the word of each, what needs a person, what is due tomorrow.

    from deploybook import Day
    today = Day.open("2025-01-22")
    today["verdicts"]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from .. import records, wording
from ..errors import DeploybookError, UsageProblem
from ..facts import Facts
from ..model import Verdict, worst
from ..sections import Block, Html, markup, plan, say, summary
from ..sections.text import heading
from ..times import at_clock, iso, local_day
from . import Book, _near, _workspace

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Due:
    """Something that is due: when, for which deployment, what, and who does it."""

    at: datetime
    facts: Facts
    what: str
    who: str = ""


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
            try:
                found.append(Book.open(slug, workspace=self.workspace.root))
            except DeploybookError:
                continue  # `check` says what is wrong with it
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

    @property
    def verdict(self) -> Verdict:
        """The worst word of the day; not applicable where no deployment touches it."""
        return worst([facts.verdict for facts in self.facts], none=Verdict.NOT_APPLICABLE)

    @property
    def sentence(self) -> str:
        if not self.facts:
            return "No deployment window or observation touches this day."
        counts = {word: sum(facts.verdict is word for facts in self.facts) for word in Verdict}
        parts = [f"{count} {wording.word(word)}" for word, count in counts.items() if count]
        return f"{wording.plural(len(self.facts), 'deployment')}: {wording.listed(parts)}."

    def __getitem__(self, name: str) -> Block:
        if name not in SECTIONS:
            raise UsageProblem(
                f"{name!r} is not a section of a day{_near(name, SECTIONS)}; sections are {', '.join(SECTIONS)}"
            )
        return Block(name=name, markdown=SECTIONS[name](self))

    def _ipython_key_completions_(self) -> list[str]:
        return list(SECTIONS)


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
            markup.status(wording.word(facts.verdict)),
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
    """What asks for a person, over all deployments."""
    blocks = [
        f"{heading(facts.deployment.title, 3)}\n\n{asks}"
        for facts in day.facts
        if (asks := summary.needs_a_person(facts))
    ]
    return section("Needs a person", "needs", "\n\n".join(blocks) or markup.needs_person([]))


def show_tomorrow(day: Day) -> str:
    """Checkpoints, people's checks, actions and reviews that are due from the report's time to the end of the next day."""
    tomorrow = [due for due in all_due(day) if due.at >= day.end and local_day(due.at, day.zone) <= day.day + DAY]
    rows = [
        (
            markup.moment(wording.local_full(due.at, due.facts.deployment.zone), iso(due.at)),
            due.what,
            due.facts.deployment.title,
            due.who,
        )
        for due in sorted(tomorrow, key=lambda due: (due.at, due.what))
    ]
    if not rows:
        return section("Due tomorrow", "tomorrow", "Nothing is due tomorrow.")
    columns = [("Time", "head"), ("What", "text"), ("Deployment", "text"), ("Who", "text")]
    caption = f"To the end of {wording.day_text(day.day + DAY, year=True, weekday=True)}"
    return section("Due tomorrow", "tomorrow", markup.table(caption, columns, rows, zone=day.zone.key))


def all_due(day: Day) -> list[Due]:
    found = []
    for facts in day.facts:
        deployment = facts.deployment
        found += [
            Due(at=each.due, facts=facts, what=f"{wording.after_text(each.after)} checkpoint", who="automatic")
            for each in facts.checkpoints
            if each.verdict is Verdict.PENDING
        ]
        found += [
            Due(at=deployment.due(each.after), facts=facts, what=each.what, who=each.who)
            for each in deployment.checkpoints.people
        ]
        found += [
            Due(at=each.due, facts=facts, what=f"{each.id} {each.text}", who=each.owner)
            for each in facts.records.actions
            if each.due
        ]
        found += [
            Due(at=each.next_review, facts=facts, what=f"{each.id} review: {each.description}", who=each.owner)
            for each in facts.records.risks
            if each.next_review
        ]
    return found


def show_registers(day: Day) -> str:
    """Risks and actions that are open."""
    risks = [
        (each.id, say.line(facts, each.description), each.owner, each.status, facts.deployment.title)
        for facts in day.facts
        for each in facts.records.risks
    ]
    actions = [
        (each.id, say.line(facts, each.text), each.owner, each.status, facts.deployment.title)
        for facts in day.facts
        for each in facts.records.actions
    ]
    columns = [("Id", "head"), ("What", "text"), ("Owner", "text"), ("Status", "status"), ("Deployment", "text")]
    blocks = [markup.table(name, columns, rows) for name, rows in (("Risks", risks), ("Actions", actions)) if rows]
    return section("Registers", "registers", "\n\n".join(blocks)) if blocks else ""


def section(title: str, name: str, body: str) -> str:
    return f"{heading(title)} {{: #{name} }}\n\n{body}"


SECTIONS: dict[str, Callable[[Day], str]] = {
    "summary": show_summary,
    "verdicts": show_verdicts,
    "needs": show_needs,
    "tomorrow": show_tomorrow,
    "registers": show_registers,
}

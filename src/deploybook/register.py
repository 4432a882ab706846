"""
Registers with memory: how each line that people keep up stands at a time, and what became of it since an earlier report.

A register holds risks, actions, priorities or the checks by people. A line is known by its id from day to day. An item
that waits on a checkpoint opens when that checkpoint passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from .model import Deployment, Records, Verdict
from .times import iso, local_day
from .wording import after_text, relative_day, word

State = Literal["closed", "waiting", "overdue", "due_today", "opened", "open"]
Change = Literal["", "new", "changed", "opened", "closed", "reopened", "removed"]

REGISTERS = {"risks": "Risks", "actions": "Actions", "priorities": "Priorities", "checks": "Checks by people"}
CLOSED = ("done", "closed", "complete", "completed", "resolved", "cancelled", "not applicable")
PASSED = (Verdict.PASS, Verdict.WARN)
PRESSING: tuple[State, ...] = ("overdue", "due_today", "opened")  # what asks for a person, first things first
# How the fields are called where a change of them is told.
FIELDS = {"text": "what", "owner": "owner", "status": "status", "when": "due", "note": "note", "waits_on": "waits on"}


@dataclass(frozen=True, kw_only=True)
class RegisterLine:
    """
    One line of a register: risks, actions, priorities or checks. id: '' for a priority without one, known by its text.
    when: due, or the next review; the last second of the local day where only a day was written. note: also a
    mitigation. waits_on: '+48h'. waits: in words why it still waits, '' once the checkpoint passed.
    """

    register: str = ""
    id: str
    text: str
    owner: str = ""
    status: str = ""
    when: datetime | None = None
    note: str = ""
    waits_on: str = ""
    waits: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.register, self.id or self.text

    @property
    def name(self) -> str:
        """'AI-3 Write the report', 'R-4 review: Stability of the parser'."""
        return f"{self.id}{' review:' if self.register == 'risks' else ''} {self.text}".strip()

    @property
    def closed(self) -> bool:
        """By its status up to the first comma or colon: 'Done, sent 10:05' is, 'Done by Friday' is not."""
        return re.split(r"[,;:(]", self.status)[0].strip().casefold() in CLOSED


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A line and what became of it. fields: those that differ, by the names of RegisterLine. was: the line before."""

    line: RegisterLine
    change: Change = ""
    fields: tuple[str, ...] = ()
    was: RegisterLine | None = None


def lines(
    deployment: Deployment, records: Records, words: Mapping[timedelta, Verdict], now: datetime
) -> tuple[RegisterLine, ...]:
    """All registers of a deployment. words: of the checkpoints that were told; those that are not due by now wait."""

    def waiting(after: timedelta | None) -> dict[str, str]:
        if after is None:
            return {}
        return {
            "waits_on": after_text(after),
            "waits": why_waiting(after, words.get(after), deployment.due(after), now),
        }

    listed = (("risks", records.risks), ("actions", records.actions), ("priorities", records.priorities))
    items = (
        RegisterLine(
            register=register, id=each.id, text=each.text, owner=each.owner, status=each.status,
            when=each.due, note=each.note, **waiting(each.waits_on),
        )
        for register, several in listed
        for each in several
    )  # fmt: skip
    return *items, *checks(deployment, records)


def checks(deployment: Deployment, records: Records) -> Iterable[RegisterLine]:
    """The checks by people; those that were to come when a deployment was taken back are not applicable."""
    done = {each.id: each for each in records.checks}
    closing, ended = deployment.closing, deployment.ended
    for each in deployment.checkpoints.people:
        due, said = deployment.due(each.after), done.get(each.id)
        status = said.status if said else ""
        if not said and closing and ended and ended < due:
            status = f"Not applicable: {closing.outcome.replace('_', ' ')}"
        yield RegisterLine(
            register="checks", id=each.id, text=each.what, owner=each.who, status=status,
            when=due, note=said.note if said else "",
        )  # fmt: skip


def why_waiting(after: timedelta, verdict: Verdict | None, due: datetime, now: datetime) -> str:
    """'waits on +48h', with the reason where its time has passed and it did not; '' once it passed."""
    text = f"waits on {after_text(after)}"
    if due > now:
        return text
    if verdict in PASSED:
        return ""
    told = "not told yet" if verdict in (None, Verdict.PENDING) else word(verdict)
    return f"{text}: {told}"


def state(line: RegisterLine, now: datetime, zone: ZoneInfo) -> State:
    """How the line stands by the local time of its deployment; what waits is not overdue."""
    if line.closed:
        return "closed"
    if line.waits:
        return "waiting"
    if line.when and line.when < now:
        return "overdue"
    if line.when and local_day(line.when, zone) == local_day(now, zone):
        return "due_today"
    return "opened" if line.waits_on else "open"


def state_text(line: RegisterLine, now: datetime, zone: ZoneInfo) -> str:
    """'Overdue', 'Due today', 'Opened', 'Waits on +48h: Breach'; '' where the status says it all."""
    stands = state(line, now, zone)
    if stands == "waiting":
        return line.waits[:1].upper() + line.waits[1:]
    return stands.replace("_", " ").capitalize() if stands in PRESSING else ""


def pressing(found: Iterable[RegisterLine], now: datetime, zone: ZoneInfo) -> list[RegisterLine]:
    """What asks for a person: overdue, due today, opened; of each what was due first comes first."""
    ranked = [(state(line, now, zone), line) for line in found]
    ranked = [(one, line) for one, line in ranked if one in PRESSING]
    ranked.sort(key=lambda pair: (PRESSING.index(pair[0]), pair[1].when or now))
    return [line for _, line in ranked]


def compare(before: Sequence[RegisterLine] | None, after: Sequence[RegisterLine]) -> tuple[Compared, ...]:
    """
    Every line with what became of it; behind them, as they were, those that are listed no more without being closed.

    before: None where no earlier report tells: then nothing is new and nothing is changed.
    """
    if before is None:
        return tuple(Compared(line=line) for line in after)
    known, here = {line.key: line for line in before}, {line.key for line in after}
    gone = [line for line in before if line.key not in here and not line.closed]
    removed = (Compared(line=line, change="removed", was=line) for line in gone)
    return *(compared(line, known.get(line.key)) for line in after), *removed


def compared(line: RegisterLine, was: RegisterLine | None) -> Compared:
    if was is None:
        return Compared(line=line, change="new")
    fields = tuple(name for name in FIELDS if getattr(line, name) != getattr(was, name))
    change: Change = "changed" if fields else ""
    if line.closed != was.closed:
        change = "closed" if line.closed else "reopened"
    elif was.waits and line.waits_on and not line.waits:
        change = "opened"
    return Compared(line=line, change=change, fields=fields, was=was)


def when_text(when: datetime, zone: ZoneInfo, labels: Sequence[tuple[str, date]] = ()) -> str:
    """'23 Jan 17:00 PT', 'Day 4 17:00 PT' where the records label the day; '23 Jan' where only a day was written."""
    return relative_day(when, zone, labels).partition(" 23:59:59")[0]


def document(line: RegisterLine, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The line and its state as JSON."""
    return asdict(line) | {"when": iso(line.when) if line.when else None, "state": state(line, now, zone)}

"""5, 6, 8, 9. What people plan and watch: the follow-on, risks, actions, next-day priorities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from .. import wording
from ..facts import Facts
from ..register import FIELDS, Compared, RegisterLine, pressing, state_text, when_text
from ..times import iso
from . import markup, say
from .text import Html, code, escape, fill, join

CHANGES = {
    "new": "New",
    "changed": "Changed",
    "opened": "Opened",
    "closed": "Closed",
    "reopened": "Reopened",
    "removed": "No longer listed",
}
LONGEST, SHORT = 60, 16  # characters: of what a field was that a table has room for; of a status word


def follow_on(facts: Facts) -> str:
    lines = []
    for each in facts.records.follow_on:
        by = f"({wording.listed(each.by)})" if each.by else ""
        at = fill("<small>{at}</small>", at=say.full(facts, each.at)) if each.at else ""
        lines.append(join(filter(None, (say.line(facts, each.text), by, at)), " "))
    return say.bullets(lines)


def risks(facts: Facts) -> str:
    listed = table(facts, "risks", "Risks", "Risk", "Next review", notes="Mitigation")
    return say.blocks(listed, say.bullets(say.line(facts, text) for text in facts.records.risk_notes))


def actions(facts: Facts) -> str:
    paths = {each.id: each.path for each in facts.records.actions}
    return table(facts, "actions", "Action items", "Action", paths=paths)


def priorities(facts: Facts) -> str:
    """A list; a table where one of them has more than its text."""
    priorities, title = facts.records.priorities, facts.records.priorities_title
    if any(each.id or each.owner or each.due or each.status or each.waits_on for each in priorities):
        listed = table(facts, "priorities", "Priorities", "Priority")
    else:
        listed = say.bullets(say.line(facts, each.text) for each in priorities)
    return say.blocks(say.paragraph(f"For {title}:") if title else "", listed) if listed else ""


def table(
    facts: Facts,
    register: str,
    caption: str,
    noun: str,
    when: str = "Due",
    *,
    notes: str = "",
    paths: Mapping[str, str] | None = None,
) -> Html:
    """A register as of the report. notes: the title of the notes' own column; without one they stand below the text."""
    zone, labels = facts.deployment.zone, facts.records.day_labels
    rows = []
    for line in facts.registers:
        if line.register != register:
            continue
        note, path = say.line(facts, line.note), (paths or {}).get(line.id, "")
        below = [fill("<small>{note}</small>", note=note)] * bool(line.note and not notes)
        what = join(filter(None, (say.line(facts, line.text), *below, code(path))), " ")
        stands = (due(line, zone, labels), standing(line, facts.as_of, zone), said(line))
        rows.append((line.id, what, line.owner, note if notes else "", *stands))
    columns = [(noun, "head"), ("What", "text"), ("Owner", "text"), (notes, "text"), (when, "text")]
    return grid(register, caption, columns, rows) if rows else Html()


def grid(register: str, caption: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> Html:
    """The table of a register: `columns`, then state and status; where no line has an id, its text names the row."""
    columns = [*columns, *last_columns(register)]
    if not any(row[0] for row in rows):
        columns, rows = [(columns[1][0], "head"), *columns[2:]], [row[1:] for row in rows]
    return markup.table(caption, columns, rows)


def last_columns(register: str) -> list[tuple[str, str]]:
    """The status of a risk is a level; elsewhere it may be a remark, too long for the head of a card on a phone."""
    return [("State", "status"), ("Status", "status" if register == "risks" else "text")]


def due(line: RegisterLine, zone: ZoneInfo, labels: Sequence[tuple[str, date]] = ()) -> Html:
    return markup.moment(when_text(line.when, zone, labels), iso(line.when)) if line.when else Html()


def said(line: RegisterLine) -> Html:
    """The status as a status word, a longer remark as text."""
    known = len(line.status) <= SHORT or markup.kind_of(line.status) != "noted"
    return markup.status(line.status) if line.status and known else escape(line.status)


def standing(line: RegisterLine, now: datetime, zone: ZoneInfo) -> Html:
    """Overdue, Due today, Opened, Waits on +48h with its shape; nothing where the status says it all."""
    text = state_text(line, now, zone)
    return markup.status(text, "pending" if line.waits else None) if text else Html()


def asking(
    lines: Iterable[RegisterLine], now: datetime, zone: ZoneInfo, hrefs: Mapping[str, str] | None = None
) -> list[markup.Line]:
    """What is overdue, due today or opened, as it stands under "Needs a person". hrefs: where each register is."""
    return [
        markup.Line(
            word=state_text(line, now, zone),
            text=line.name,
            note=" · ".join(part for part in (when_text(line.when, zone) if line.when else "", line.owner) if part),
            href=(hrefs or {}).get(line.register, ""),
        )
        for line in pressing(lines, now, zone)
    ]


def became(one: Compared, zone: ZoneInfo) -> Html:
    """What became of a line since the last report, and what it was; nothing where nothing did."""
    if not one.change or one.was is None:
        return markup.status(CHANGES[one.change]) if one.change else Html()
    told = [f"{FIELDS[name]} {was(getattr(one.was, name), zone)}" for name in one.fields]
    return fill("{change} <small>{told}</small>", change=markup.status(CHANGES[one.change]), told="; ".join(told))


def was(value: object, zone: ZoneInfo) -> str:
    """'was Outline drafted', 'was 22 Jan 18:00 PT', 'was empty'; a long text is only said to be other."""
    text = when_text(value, zone) if isinstance(value, datetime) else str(value or "empty")
    return f"was {text}" if len(text) <= LONGEST else "was worded otherwise"

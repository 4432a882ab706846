"""10 to 13. The record: evidence and artifacts, the minute log, lessons, conclusion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from .. import wording
from ..facts import EvidenceItem, Facts
from ..model import Entry
from ..times import iso, local_day, zone_name
from . import markup, say
from .text import Html, code, fill, written

COLUMNS = [
    ("Id", "head"),
    ("What", "text"),
    ("Kind", "text"),
    ("Size", "number"),
    ("SHA-256", "code"),
    ("State", "status"),
]


def evidence(facts: Facts) -> str:
    """Every artifact behind this page, held or not, with its full digest."""
    if not facts.evidence:
        return ""
    rows = [evidence_row(item) for item in facts.evidence]
    ids = [item.number for item in facts.evidence]
    return markup.table("Evidence behind this page", COLUMNS, rows, ids=ids, searched=False)


def evidence_row(item: EvidenceItem) -> list[object]:
    return [
        item.number,
        named(item),
        item.kind,
        size(item.size) if item.digest else "",
        code(item.digest),
        "Held" if item.held else "Not held",
    ]


def named(item: EvidenceItem) -> Html:
    """What it is, and below it where it lies, which query gave it or who wrote it."""
    origin = item.origin if item.kind in ("export", "message") else item.path or item.origin
    return fill("{name} <small>{origin}</small>", name=item.name, origin=origin if origin != item.name else "")


def size(count: int) -> str:
    """Bytes as a reader says them: '312 B', '4.8 kB', '1.1 MB'."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def log(facts: Facts) -> str:
    """The minute log: every entry under its phase, those marked private without their text."""
    phases = [
        (name, span_of(facts, entries), [line_of(facts, entry) for entry in entries])
        for name, entries in phases_of(facts.entries, facts.deployment.zone)
    ]
    return markup.log(phases) if phases else ""


def phases_of(entries: Sequence[Entry], zone: ZoneInfo) -> list[tuple[str, list[Entry]]]:
    """
    The entries, which come in order of time, under their headings. Journal and records keep each their own phases: where
    two overlap, each stays whole. What has no heading joins the phase that runs.
    """
    phases: list[tuple[str, list[Entry]]] = []
    running: dict[bool, tuple[str, list[Entry]]] = {}  # of the journal, whose entries have lines, and of the rest
    for entry in entries:
        mine = running.get(entry.line > 0)
        if not entry.phase:
            mine = phases[-1] if phases and goes_on(phases[-1], entry, zone) else None
        elif mine is None or mine[0] != entry.phase:
            mine = next((each for each in running.values() if each[0] == entry.phase), None)
        if mine is None:
            mine = (entry.phase, [])
            phases.append(mine)
        mine[1].append(entry)
        if entry.phase:
            running[entry.line > 0] = mine
    return phases


def goes_on(phase: tuple[str, list[Entry]], entry: Entry, zone: ZoneInfo) -> bool:
    """Whether a line without a heading belongs to it: one of the same day, or lines without headings too."""
    return not phase[0] or local_day(phase[1][-1].at, zone) == local_day(entry.at, zone)


def span_of(facts: Facts, entries: Sequence[Entry]) -> str:
    zone, first, last = facts.deployment.zone, entries[0].at, entries[-1].at
    until = f" to {wording.local(last, zone)}" if first != last else ""
    return f"{wording.local(first, zone)}{until} {zone_name(zone, first)}"


def line_of(facts: Facts, entry: Entry) -> markup.Entry:
    zone = facts.deployment.zone
    on = local_day(entry.at, zone)
    day = "" if on == facts.deployment.day else f"{wording.day_text(on)} "
    return markup.Entry(
        at=f"{day}{wording.local(entry.at, zone, seconds=True)}",
        utc=iso(entry.at),
        kind=entry.kind,
        text=say.line(facts, entry.text) if not entry.private else Html("<em>private entry</em>"),
        people=entry.people,
        key=entry.key,
    )


def note(facts: Facts, name: str) -> str:
    """What notes/<name>.md says, without a title of its own."""
    body = re.sub(r"\A# .*", "", facts.records.notes.get(name, "").strip()).strip()
    return written(body, say.inserts(facts, body)) if body else ""

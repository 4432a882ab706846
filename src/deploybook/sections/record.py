"""10 to 13. The record: evidence and artifacts, the minute log, lessons, conclusion."""

from __future__ import annotations

from itertools import groupby

from .. import wording
from ..facts import EvidenceItem, Facts
from ..model import Entry
from ..times import iso, zone_name
from . import markup, say
from .text import Html, fill


def evidence(facts: Facts) -> str:
    """Every artifact behind this page, held or not, with its full digest."""
    if not facts.evidence:
        return ""
    rows = [evidence_row(item) for item in facts.evidence]
    columns = [
        ("Id", "head"),
        ("What", "text"),
        ("Kind", "text"),
        ("Size", "number"),
        ("SHA-256", "code"),
        ("State", "status"),
    ]
    ids = [item.number for item in facts.evidence]
    return markup.table("Evidence behind this page", columns, rows, ids=ids, searched=False)


def evidence_row(item: EvidenceItem) -> list[object]:
    return [
        item.number,
        named(item),
        item.kind,
        size(item.size) if item.digest else "",
        fill("<code>{digest}</code>", digest=item.digest) if item.digest else "",
        "Held" if item.held else "Not held",
    ]


def named(item: EvidenceItem) -> Html:
    """What it is, and below it where it lies, which query gave it or who wrote it."""
    origin = item.path or item.origin
    return fill("{name} <small>{origin}</small>", name=item.name, origin=origin if origin != item.name else "")


def size(count: int) -> str:
    """Bytes as a reader says them: '312 B', '4.8 kB', '1.1 MB'."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def log(facts: Facts) -> str:
    """The minute log: every entry in order, those marked private without their text."""
    zone = facts.deployment.zone
    entries = [
        markup.Entry(
            at=time_text(facts, entry),
            utc=iso(entry.at),
            kind=entry.kind,
            text=say.line(facts, entry.text) if not entry.private else Html("<em>private entry</em>"),
            people=entry.people,
            key=entry.key,
            phase=entry.phase,
        )
        for entry in facts.entries
    ]
    if not entries:
        return ""
    spans = {}
    for phase, group in groupby(facts.entries, key=lambda entry: entry.phase):
        members = list(group)
        first, last = members[0].at, members[-1].at
        spans[phase] = (
            f"{wording.local(first, zone)} to {wording.local(last, zone)} {zone_name(zone, first)}"
            if first != last
            else f"{wording.local(first, zone)} {zone_name(zone, first)}"
        )
    return markup.log(entries, spans)


def time_text(facts: Facts, entry: Entry) -> str:
    local = entry.at.astimezone(facts.deployment.zone)
    clock = wording.local(entry.at, facts.deployment.zone, seconds=True)
    return clock if local.date() == facts.deployment.day else f"{wording.day_text(local.date())} {clock}"


def lessons(facts: Facts) -> str:
    return note(facts, "lessons")


def conclusion(facts: Facts) -> str:
    return note(facts, "conclusion")


def note(facts: Facts, name: str) -> str:
    text = facts.records.notes.get(name, "")
    lines = text.strip().splitlines()
    if lines and lines[0].startswith("# "):
        lines = lines[1:]
    body = "\n".join(lines).strip()
    return say.prose_block(facts, body) if body else ""

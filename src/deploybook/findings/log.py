"""The minute log of people beside what other systems recorded: joined where both tell the same, told where they differ."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from zoneinfo import ZoneInfo

from .. import wording
from ..model import Entry, Finding
from ..times import Window, length_text
from .rows import shortened
from .tell import note, warn

SAME = timedelta(seconds=90)  # a person writes down within this time what a system recorded
ASTRAY = timedelta(hours=2)  # further apart two times are two things
RHYTHM = 10  # lines in the window that make one
SILENT, LONGER = timedelta(minutes=20), 4  # as long at least, and so many times what nine of ten pauses stay below
MENTIONED = timedelta(minutes=15)  # after an alert somebody writes of it

WORDS = re.compile(r"[\w.-]+(?:\s?%)?")
TO = re.compile(r"\b(?:to|at)\s+`?(\d+(?:\.\d+)?)`?\s?%")
FROM = re.compile(r"\bfrom\s+`?(\d+(?:\.\d+)?)`?\s?%")
FLAG = re.compile(r"Flag (\S+):")
ROLLBACK = re.compile(r"(?i)\brolled back\b|\broll-?back (?:has )?(?:begun|began|begins|started|starts|done|complete)")
REHEARSED = re.compile(r"(?i)\brehears|\btest|\bdry\b|\bdrill|\bready\b|\bplan")


# ── joined ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def joined(journal: Iterable[Entry], events: Iterable[Entry]) -> tuple[Entry, ...]:
    """
    Both in order of time. What a person wrote within SAME of an event that shares its words is one entry: the
    person's, with the event as its twin.
    """
    people, left = sorted(journal, key=lambda one: one.at), sorted(events, key=lambda one: one.at)
    kept: list[Entry] = []
    for own in people:
        near = (one for one in left if not own.evidence and abs(one.at - own.at) <= SAME and alike(own, one))
        twin = next(near, None)
        if twin:
            left.remove(twin)
        kept.append(replace(own, evidence=twin.evidence, twin=twin) if twin else own)
    return tuple(sorted([*kept, *left], key=lambda one: (one.at, one.origin != "journal", one.line)))


def alike(one: Entry, other: Entry) -> bool:
    """True where both set a flag to the same share, or name the same id or number, or most of the same words."""
    if share(one) is not None and share(other) is not None:
        return share(one) == share(other)
    mine, theirs = (set(WORDS.findall(entry.text.lower())) for entry in (one, other))
    shared = {word.replace(" ", "") for word in mine} & {word.replace(" ", "") for word in theirs}
    telling = {word for word in shared if re.search(r"\d", word) and (not word.endswith("%") or one.kind == other.kind)}
    return bool(telling) or len(shared) * 2 >= min(len(mine), len(theirs)) > 1


# ── held against each other ────────────────────────────────────────────────────────────────────────────────────────


def from_log(
    entries: Sequence[Entry],
    window: Window,
    zone: ZoneInfo,
    *,
    partial: Collection[str] = (),
    rolled_back: bool = False,
) -> Iterator[Finding]:
    """
    Where the journal and the sources contradict each other, or one lacks what the other has, around the window.

    Of flags only those are held that the journal names at least once: a source tells those of everybody.
    partial: the sources that did not tell all. rolled_back: how the deployment ended.
    """
    lines = [one for one in entries if one.origin == "journal" and one.line and not one.private]
    events = [one for one in entries if one.evidence and one.origin != "journal"]
    yield from silence([one for one in entries if one.origin == "journal" or one.kind == "comms"], window, zone)
    if rolled_back:
        yield from too_early(lines, window, zone)
    if sum(window.start <= one.at <= window.end for one in lines) < 3:
        return
    pairs = astray(lines, events)
    yield from (at_another_time(line, event, zone) for line, event in pairs)
    ours = {name_of(one.twin) for one in lines if one.twin} | {name_of(event) for _, event in pairs}
    told = [*(one.twin for one in lines if one.twin), *(event for _, event in pairs)]
    changes = [one for one in [*events, *told] if name_of(one) in ours - {""}]
    changes = sorted(dict.fromkeys(changes), key=lambda one: one.at)
    yield from missing_steps(changes, zone)
    yield from unlogged([one for one in changes if one not in told], window, zone)
    if {one.origin for one in changes} - set(partial):
        alone = [one for one in lines if not one.twin and all(one is not line for line, _ in pairs)]
        yield from unrecorded(alone, changes, window, zone)
    yield from unmentioned([one for one in events if one.kind == "alert"], lines, window, zone)


def share(entry: Entry) -> float | None:
    """The share that a flag is set to by it, in percent."""
    found = TO.search(entry.text) if entry.kind == "flag" else None
    return float(found[1]) if found else None


def name_of(event: Entry) -> str:
    """The flag that an event changes, '' of any other."""
    found = FLAG.match(event.text) if event.kind == "flag" else None
    return found[1] if found else ""


def place(line: Entry) -> str:
    return f"journal.md:{line.line}"


def astray(lines: Sequence[Entry], events: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    """Each line and event that tell the same step of a flag at two times, where neither fits another one as well."""

    def fit(line: Entry, event: Entry) -> bool:
        return (
            not line.twin
            and share(line) is not None
            and share(line) == share(event)
            and abs(line.at - event.at) <= ASTRAY
        )

    found = [(line, event) for line in lines for event in events if fit(line, event)]
    return [
        (line, event)
        for line, event in found
        if sum(line is one for one, _ in found) == sum(event is other for _, other in found) == 1
    ]


def at_another_time(line: Entry, event: Entry, zone: ZoneInfo) -> Finding:
    gap = length_text(abs(line.at - event.at))
    text = (
        f"{place(line)} has the flag at {share(line):g} % at {wording.local_full(line.at, zone)}, {event.origin} recorded it "
        f"at {wording.local(event.at, zone)}, {gap} {'earlier' if event.at < line.at else 'later'}; "
        "correct the line, or say in it which clock was wrong."
    )
    return warn("log_order", text, "", min(line.at, event.at), max(line.at, event.at))


def too_early(lines: Sequence[Entry], window: Window, zone: ZoneInfo) -> Iterator[Finding]:
    """A rollback that is told only before the deployment began."""
    told = [one for one in lines if ROLLBACK.search(one.text) and not REHEARSED.search(one.text)]
    if told and all(one.at < window.start for one in told):
        began = wording.local_full(window.start, zone)
        text = f"{place(told[-1])} tells of the rollback before the deployment began at {began}; correct the line, or the window."
        yield warn("log_order", text, "", told[-1].at, window.start)


def missing_steps(changes: Sequence[Entry], zone: ZoneInfo) -> Iterator[Finding]:
    """Where a change of a flag starts from another share than the one before it ended at."""
    last: dict[str, Entry] = {}
    for one in changes:
        before = last.get(name_of(one))
        start = FROM.search(one.text)
        if before and start and share(before) is not None and float(start[1]) != share(before):
            text = (
                f"{one.origin}: {name_of(one)} was set to {share(before):g} % at {wording.local_full(before.at, zone)}, and "
                f"its change at {wording.local(one.at, zone)} starts from {float(start[1]):g} %; a step between them is "
                "missing, pull again or look in the source."
            )
            yield warn("log_gap", text, "", before.at, one.at)
        last[name_of(one)] = one


def unlogged(changes: Sequence[Entry], window: Window, zone: ZoneInfo) -> Iterator[Finding]:
    """Changes of this deployment's flags that nobody wrote down."""
    inside = [one for one in changes if window.start <= one.at <= window.end]
    for name in sorted({name_of(one) for one in inside}):
        found = [one for one in inside if name_of(one) == name]
        steps = [
            f"{'changed' if share(one) is None else f'to {share(one):g} %'} at {wording.local_full(one.at, zone)}"
            for one in found
        ]
        text = (
            f"{found[0].origin} recorded what the journal does not have: {name} {shortened(steps, 'more')}; add a line."
        )
        yield warn("log_gap", text, "", found[0].at, found[-1].at)


def unrecorded(lines: Sequence[Entry], changes: Sequence[Entry], window: Window, zone: ZoneInfo) -> Iterator[Finding]:
    """Steps of a flag in the journal that its source does not know."""
    known = {share(one) for one in changes}
    for one in lines:
        if share(one) is not None and share(one) not in known and window.start <= one.at <= window.end:
            text = (
                f"{place(one)} has the flag at {share(one):g} % at {wording.local_full(one.at, zone)}, and "
                f"{changes[0].origin} recorded no such change; correct the line, or look in the source."
            )
            yield warn("log_gap", text, "", one.at, one.at)


def unmentioned(alerts: Sequence[Entry], lines: Sequence[Entry], window: Window, zone: ZoneInfo) -> Iterator[Finding]:
    """Alerts in the window that no line near them speaks of; they may be of another service."""

    def spoken_of(alert: Entry) -> bool:
        near = [one for one in lines if timedelta(0) <= one.at - alert.at + SAME <= MENTIONED + SAME]
        return any(one.kind == "alert" or "alert" in one.text.lower() or alike(one, alert) for one in near)

    found = [one for one in alerts if window.start <= one.at <= window.end and not spoken_of(one)]
    if found:
        origins = wording.listed(sorted({one.origin for one in found}))
        often, first = wording.plural(len(found), "alert event"), wording.local_full(found[0].at, zone)
        text = (
            f"{origins} told {often} that the journal does not mention, at {first} first: {found[0].text}; "
            "add a line, or say whose they are."
        )
        yield note("log_gap", text, "", found[0].at, found[-1].at)


def silence(lines: Sequence[Entry], window: Window, zone: ZoneInfo) -> Iterator[Finding]:
    """The longest pause of people who otherwise wrote often."""
    times = sorted(one.at for one in lines if window.start <= one.at <= window.end)
    if len(times) < RHYTHM:
        return
    ends: list[datetime] = [window.start, *times, window.end]
    *pauses, (longest, start) = sorted((after - before, before) for before, after in pairwise(ends))
    usual = pauses[ceil(len(pauses) * 0.9) - 1][0]
    if longest >= max(SILENT, LONGER * usual):
        text = (
            f"The journal is silent for {length_text(longest)} from {wording.local_full(start, zone)}, where nine of ten "
            f"pauses last at most {length_text(usual)}; write what was seen then, or that nobody looked."
        )
        yield note("log_gap", text, "", start, start + longest)

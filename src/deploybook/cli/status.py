"""`deploybook status`: what is due, done, missed and next, over all deployments. It never writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import click

from .. import due, register
from ..due import Item
from ..duty.agenda import Agenda, read_agenda
from ..duty.planned import standings
from ..duty.telling import waiting
from ..errors import FileProblems
from ..model import Deployment, Records, Verdict
from ..notify.message import about, spoken
from ..records import read_records
from ..register import RegisterLine, pressing, state_text, when_text
from ..times import iso
from ..wording import how_long, late_text, local, local_full, plural, word
from .common import State, json_option, print_document, tell_broken, verb

Kept = tuple[Deployment, tuple[RegisterLine, ...]]
SOON = timedelta(hours=12)
WATCHED = ("warn", "inconclusive", "no_data", "fail")


@verb("status")
@click.option("--all", "every", is_flag=True, help="Also deployments with no report left to make.")
@click.option("--handover", is_flag=True, help="For whoever takes over: open windows, the next 12 hours, who leads.")
@json_option
def command(state: State, every: bool, handover: bool, as_json: bool) -> int:
    """Show what is due, done, missed and next, over all deployments."""
    workspace, now = state.open(), state.time
    agenda = read_agenda(workspace, now)
    chosen = state.slug(workspace) if state.deployment else ""
    items = [item for item in agenda.items if not chosen or item.slot.deployment == chosen]
    if as_json:
        print_document("status", **document(agenda, items, now))
    elif handover:
        click.echo("\n".join(handed_over(agenda, items, now)))
    else:
        click.echo("\n".join(lines(agenda, items, now, every or bool(chosen))))
    return tell_broken(agenda)


def document(agenda: Agenda, items: list[Item], now: datetime) -> dict[str, object]:
    wake = due.wake(items, now)
    return {
        "as_of": iso(now),
        "next": iso(wake) if wake else None,
        "reports": [due.document(item) for item in items],
        "untold": [
            {
                "deployment": event.deployment or None,
                "scope": event.scope,
                "state": event.state,
                "channel": channel.name,
                "tried": tried,
            }
            for event, channel, tried in waiting(agenda, now)
        ],
        "messages": [each.document() for each in standings(agenda, now)],
        "registers": [
            {"deployment": deployment.slug, **register.document(line, now, deployment.zone)}
            for deployment, lines in kept(agenda, items, now)
            for line in lines
        ],
        "broken": [str(problem) for problems in agenda.broken for problem in problems.problems],
    }


def lines(agenda: Agenda, items: list[Item], now: datetime, every: bool) -> Iterator[str]:
    """One block a deployment, the one with the earliest open report first."""
    yield local_full(now, agenda.zone, year=True)
    finished = 0
    for group in grouped(items):
        if not every and all(item.state in ("done", "not_applicable") for item in group):
            finished += 1
            continue
        yield ""
        yield heading(agenda, group[0])
        yield from (f"  {line(agenda, item, now)}" for item in group)
        yield from asked(kept(agenda, group, now), now)
    yield ""
    if finished:
        yield f"{plural(finished, 'deployment')} with no report left to make (--all shows {'it' if finished == 1 else 'them'})"
    yield next_line(agenda, items, now)
    yield from untold_lines(agenda, now)
    shown = {item.slot.deployment for item in items if every or item.state in ("due", "next")}
    planned = [each for each in standings(agenda, now) if each.deployment.slug in shown]
    yield from (f"Message: {each}" for each in planned if every or each.state != "sent")


def untold_lines(agenda: Agenda, now: datetime) -> Iterator[str]:
    """Who was not told what yet, and which command tells them."""
    for event, channel, tried in waiting(agenda, now):
        what = about(event.scope, str(agenda.deployments.get(event.deployment, event.deployment)))
        why = "the channel did not take it, 'deploybook run' tries again" if tried else "'deploybook run' tells it"
        at = local_full(event.at, agenda.zone)
        yield f"{channel.name} was not told yet: {what}, {spoken(event.state)}, {at}; {why}"


def grouped(items: list[Item]) -> list[list[Item]]:
    """By deployment, what is due first before the others; the daily reports last."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.slot.deployment, []).append(item)

    def first(group: list[Item]) -> datetime:
        return min((item.slot.at for item in group if item.state in ("due", "next")), default=group[-1].slot.at)

    return sorted(groups.values(), key=lambda group: (not group[0].slot.deployment, first(group)))


def kept(agenda: Agenda, items: Iterable[Item], now: datetime) -> Iterator[Kept]:
    """The registers of each deployment of these items, with the checkpoints that the log tells."""
    words: dict[str, dict[timedelta, Verdict]] = {}
    for item in items:
        told = words.setdefault(item.slot.deployment, {}) if item.slot.deployment else {}
        if item.slot.after is not None and item.verdict:
            told[item.slot.after] = Verdict(item.verdict)
        elif item.slot.after is not None and item.state == "not_applicable":
            told[item.slot.after] = Verdict.NOT_APPLICABLE
    for slug, known in words.items():
        deployment = agenda.deployments[slug]
        yield deployment, register.lines(deployment, records_of(agenda, deployment), known, now)


def asked(registers: Iterable[Kept], now: datetime, until: datetime | None = None) -> Iterator[str]:
    """'  Overdue    23 Jan 12:00 PT        AI-2 Write the lessons, Oliver'; without what is due from now to `until`."""
    for deployment, lines in registers:
        for each in pressing(lines, now, deployment.zone):
            if until and each.when and now <= each.when <= until:
                continue
            when = when_text(each.when, deployment.zone) if each.when else ""
            text = each.name + (f", {each.owner}" if each.owner else "")
            yield f"  {state_text(each, now, deployment.zone):<10} {when:<22} {text}"


def heading(agenda: Agenda, item: Item) -> str:
    if not item.slot.deployment:
        return "Daily reports"
    deployment = agenda.deployments[item.slot.deployment]
    return " · ".join(part for part in (deployment.title, deployment.ticket, deployment.lead) if part)


def line(agenda: Agenda, item: Item, now: datetime) -> str:
    """'+12h      23 Jan 03:30 PT   due    late by 3 h 10 min'."""
    zone = agenda.zone_of(item)
    parts = [agenda.word(item, item.verdict)] if item.state == "done" else []
    parts += [late] if item.state in ("done", "due") and (late := late_text(item.late)) else []
    parts += [f"in {how_long(item.slot.at - now)}"] if item.state == "next" else []
    parts += [f"next try {local(item.retry_at, zone)}"] if item.retry_at and item.state == "due" else []
    parts += [item.why] if item.why else []
    name = str(item.slot.day) if item.slot.day else item.slot.name
    at = local_full(item.slot.at, zone, year=item.slot.at.year != now.year)
    return f"{name:<10} {at:<22} {item.state.replace('_', ' '):<14} {', '.join(parts)}".rstrip()


def next_line(agenda: Agenda, items: list[Item], now: datetime) -> str:
    ready = sum(item.ready(now) for item in items)
    if ready:
        return f"Due now: {plural(ready, 'report')}; 'deploybook run' makes {'it' if ready == 1 else 'them'}"
    coming = [item for item in items if item.state == "next"]
    if not coming:
        return "Next: nothing"
    first = min(coming, key=lambda item: item.slot.at)
    when = f"{local_full(first.slot.at, agenda.zone_of(first))}, in {how_long(first.slot.at - now)}"
    return f"Next: {agenda.subject(first)}, {when}"


# --- the handover


def handed_over(agenda: Agenda, items: list[Item], now: datetime) -> Iterator[str]:
    """What somebody must know who takes over now."""
    yield f"Handover, {local_full(now, agenda.zone, year=True)}"
    open_now = [
        (deployment, group)
        for group in grouped(items)
        if (deployment := agenda.deployments.get(group[0].slot.deployment)) and is_open(deployment, group, now)
    ]
    yield from ("", "Open windows")
    for deployment, group in open_now:
        yield from opened(agenda, deployment, group)
    yield from overlapping(deployment for deployment, _ in open_now)
    if not open_now:
        yield "  none"
    registers = list(kept(agenda, items, now))
    pressing = list(asked(registers, now, now + SOON))
    yield from ("", "Needs a person", *pressing) if pressing else ()
    yield from ("", f"Next {SOON.total_seconds() / 3600:g} hours")
    coming = sorted(coming_up(agenda, items, registers, now), key=lambda pair: pair[0])
    yield from (f"  {when_text(at, agenda.zone)}  {text}" for at, text in coming)
    if not coming:
        yield "  nothing is due"


def is_open(deployment: Deployment, group: list[Item], now: datetime) -> bool:
    """Between its start and its closing report, unless it ended before."""
    return deployment.window.start <= now and any(item.state in ("due", "next") for item in group)


def opened(agenda: Agenda, deployment: Deployment, group: list[Item]) -> Iterator[str]:
    """Word, lead and way back."""
    made = [item for item in group if item.state == "done"]
    yield f"  {heading(agenda, group[0])}"
    yield f"    stands at   {stands(agenda, made)}"
    if deployment.lead:
        yield f"    lead        {deployment.lead}"
    yield f"    roll back   {way_back(agenda, deployment)}"


def overlapping(deployments: Iterable[Deployment]) -> Iterator[str]:
    """A line for each group whose windows, with their observation, run into each other; the first to start is named first."""
    groups: list[list[Deployment]] = []
    for each in sorted(deployments, key=lambda each: each.window.start):
        if groups and each.window.start < max(other.observed.end for other in groups[-1]):
            groups[-1].append(each)
        else:
            groups.append([each])
    yield from (f"  Overlap: {', '.join(each.title for each in group)}" for group in groups if len(group) > 1)


def stands(agenda: Agenda, made: list[Item]) -> str:
    """'Watch at +12h: cli_p95 Watch'; every metric that is not Pass is named."""
    if not made:
        return "nothing reported yet"
    last = made[-1]
    where = {"outcome": "for the window", "closing": "at closing"}.get(last.slot.kind, f"at {last.slot.name}")
    text = f"{word(Verdict(last.verdict))} {where}"
    told = (
        entry.predicate.get("words", [])
        for entry in reversed(agenda.entries)
        if entry.kind == "verdict"
        and (entry.deployment, entry.predicate.get("scope")) == (last.slot.deployment, last.slot.scope)
    )
    said: list[str] = next(told, [])
    watched = [pair.split("=") for pair in said if pair.rpartition("=")[2] in WATCHED]
    return text + (": " + ", ".join(f"{id} {word(Verdict(verdict))}" for id, verdict in watched) if watched else "")


def records_of(agenda: Agenda, deployment: Deployment) -> Records:
    try:
        return read_records(agenda.workspace.folder(deployment.slug), deployment)
    except FileProblems:
        return Records()  # `check` says what is wrong with them


def way_back(agenda: Agenda, deployment: Deployment) -> str:
    rehearsal = records_of(agenda, deployment).rehearsal
    if rehearsal is None or not rehearsal.script:
        return "not on record; write 'rollback: {script: …}' in records.yml"
    tried = f", tried {local_full(rehearsal.at, deployment.zone)}" if rehearsal.at else ""
    return rehearsal.script + tried


def coming_up(
    agenda: Agenda, items: list[Item], registers: Iterable[Kept], now: datetime
) -> Iterator[tuple[datetime, str]]:
    """Reports, windows that open, people's checks and actions of the next hours; what is overdue comes first."""
    until = now + SOON
    for item in items:
        if item.state in ("due", "next") and item.slot.at <= until:
            late = late_text(item.late) if item.state == "due" else ""
            yield item.slot.at, agenda.subject(item) + (f", {late}" if late else "")
    for slug in dict.fromkeys(item.slot.deployment for item in items if item.slot.deployment):
        deployment = agenda.deployments[slug]
        if now < deployment.window.start <= until:
            yield deployment.window.start, f"Window of {deployment.title} opens"
    for deployment, lines in registers:
        for each in lines:
            if each.when and now <= each.when <= until and not each.closed:
                waits = f", {each.waits}" if each.waits else ""
                yield each.when, f"{each.owner or 'nobody'}: {each.name} ({deployment.title}{waits})"

"""
What stakeholders are told: a status mail, a broadcast for an incident, a recap. Each line is a figure as the report prints
it, with its evidence, or stands in the records; what nobody knows is a line too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from .. import wording
from ..facts import Facts
from ..model import Entry
from ..register import RegisterLine, when_text
from ..sections.metrics import own_window
from ..sections.page import MetricLine, PageFacts
from ..times import Window
from . import inert
from .events import Event
from .message import SO_FAR, Message, numbers

KINDS = {"status": "Status of", "broadcast": "Incident broadcast for", "recap": "Recap of"}
ALERTS = {"pagerduty": "PagerDuty", "alertmanager": "Alertmanager"}  # sources that tell of incidents
MOST = 12  # lines of one sort; how many more there are is said
STALE = timedelta(minutes=5)

Lines = Iterator[tuple[str, str]]


def draft(
    kind: str,
    facts: Facts,
    page: PageFacts,
    *,
    at: datetime,
    text: str = "",
    name: str = "",
    link: str = "",
    log: tuple[int, str] = (0, ""),
) -> Message:
    """
    The message of one of KINDS. page: what the report made from the facts says of itself. at: what comes later is not told.
    text: what a person adds. name: the same for a message that is sent again. log: size and root.
    """
    deployment, (size, root) = facts.deployment, log
    told = is_judged(facts, at)
    said = {"status": status, "broadcast": broadcast, "recap": recap}[kind](facts, page, at)
    lines = [("As of", wording.local_full(at, deployment.zone, year=True)), *said]
    lines += [("Not known", each) for each in unknown(kind, facts, at)]
    return Message(
        event=Event(
            index=0 if name else size,
            deployment=deployment.slug,
            scope=re.sub(r"\W+", "-", name or f"draft {kind}"),
            state=facts.verdict.value if told else "pending",
            at=at,
        ),
        word=page.word + (SO_FAR if page.modifier else "") if told else "Pending",
        subject=inert.plain(f"{KINDS[kind]} {deployment}", 160),
        sentence=page.sentence if told else before_the_end(facts, at),
        lines=(*([("Note", text)] if text else []), *lines),
        link=link,
        log=f"Evidence log: {size} entries, root {root}" if root else "Evidence log: empty",
    )


def status(facts: Facts, page: PageFacts, at: datetime) -> Lines:
    """What was measured, what is still to come, what needs a person."""
    yield from measured(facts, page, at)
    yield from checkpoints(facts, page, at)
    yield from incident_lines(facts, at)
    asks = page.asks if is_judged(facts, at) else ()
    yield from capped([(ask.word, ": ".join(filter(None, (ask.text, ask.note)))) for ask in asks])
    yield from leads(facts)


def broadcast(facts: Facts, page: PageFacts, at: datetime) -> Lines:
    """The incident first, then what does not pass, the way back, and who has it."""
    yield from incident_lines(facts, at)
    yield "Change", ", ".join(filter(None, (str(facts.deployment), facts.deployment.version)))
    yield from measured(facts, page, at)
    yield from last_on_record(facts, at)
    if (back := facts.records.rehearsal) and back.script:
        tried = f", tried {wording.local_full(back.at, facts.deployment.zone)}" if back.at else ""
        yield "Way back", back.script + tried
    yield from leads(facts)


def recap(facts: Facts, page: PageFacts, at: datetime) -> Lines:
    """How it ended, what was measured, what happened, what is left to do."""
    closing, zone = facts.deployment.closing, facts.deployment.zone
    if closing:
        when = wording.local_full(closing.at, zone, year=True) if closing.at else ""
        parts = (
            closing.outcome.replace("_", " ").capitalize(),
            when,
            closing.by and f"by {closing.by}",
            closing.reason,
        )
        yield "Outcome", ", ".join(filter(None, parts))
    yield from measured(facts, page, at)
    yield from checkpoints(facts, page, at)
    yield from incident_lines(facts, at)
    moments = facts.records.snapshot or [each for each in facts.entries if each.key and not each.private]
    shown = [(each.at, each.text) for each in moments if each.at and each.at <= at]
    yield from capped([(wording.local_full(when, zone), filled(facts, text)) for when, text in shown])
    left = [line for line in facts.registers if line.register == "actions" and not line.closed]
    yield from capped([(f"Action {line.id}", action_text(facts, line)) for line in left])
    yield from leads(facts)


def action_text(facts: Facts, action: RegisterLine) -> str:
    due = f"due {when_text(action.when, facts.deployment.zone)}" if action.when else ""
    return ", ".join(filter(None, (filled(facts, action.text), action.owner, action.status, due)))


def is_judged(facts: Facts, at: datetime) -> bool:
    return facts.deployment.closing is not None or facts.deployment.end <= at


def before_the_end(facts: Facts, at: datetime) -> str:
    window, zone = facts.deployment.window, facts.deployment.zone
    if at < window.start:
        return f"The deployment window opens {wording.local_full(window.start, zone)}."
    return f"The deployment window is open until {wording.local_full(window.end, zone)}; it is judged at its end."


def measured(facts: Facts, page: PageFacts, at: datetime) -> Lines:
    """Each metric with its numbers, word and evidence; of a window that is still open the check-ins so far."""
    if not is_judged(facts, at):
        yield from checkins(facts, at)
        return
    yield "Measured", wording.window_text(looked_at(facts), facts.deployment.zone, year=True)
    spans = {each.metric.id: own_window(facts, each) for each in facts.metrics}
    titles = [", ".join(filter(None, (each.title, spans.get(each.id)))) for each in page.metrics]
    yield from capped(list(zip(titles, map(metric_text, page.metrics), strict=True)))


def looked_at(facts: Facts) -> Window:
    return facts.metrics[0].now.window if facts.metrics else facts.deployment.window


def metric_text(line: MetricLine) -> str:
    return f"{numbers(line)}, {line.word}" + (f" [{line.evidence}]" if line.evidence else "")


def checkins(facts: Facts, at: datetime) -> Lines:
    found = []
    for each in facts.metrics:
        for look in each.checkins:
            judged = look.judgement
            if look.at <= at:
                change = wording.percent(judged.figure) if judged.figure is not None else "no data"
                shown = change if each.metric.show_change else wording.value_text(each.metric, judged.now.value)
                chip = facts.chip(judged.now.inputs, judged.now.window)
                where = f" [{chip.number}]" if chip else ""
                clock = wording.local(look.at, facts.deployment.zone)
                found.append((f"{each.metric.title} at {clock}", f"{shown}, {wording.word(judged.verdict)}{where}"))
    yield from capped(found[-MOST:])


def checkpoints(facts: Facts, page: PageFacts, at: datetime) -> Lines:
    for line in page.checkpoints:
        due = wording.local_full(line.due, facts.deployment.zone)
        pending = line.due > at and line.word != "Not applicable"
        word, note = ("Pending", f"due {due}") if pending else (line.word, line.note)
        yield f"+{line.after}", ", ".join(filter(None, (word, note)))


def incident_lines(facts: Facts, at: datetime) -> Lines:
    """Those that are open, those that are over since the window began, or that none is on record and who was asked."""
    zone = facts.deployment.zone
    still, over = incidents(facts.entries, at)
    over = [(each, end) for each, end in over if end >= facts.deployment.window.start]

    def text(each: Entry, end: datetime | None = None) -> str:
        span = f"over {wording.local_full(end, zone)}" if end else "open"
        said = "a private entry" if each.private else filled(facts, each.text)
        return f"{wording.local_full(each.at, zone)}, {span}: {said}"

    yield from capped([("Incident", text(each)) for each in still])
    yield from capped([("Incident", text(each, end)) for each, end in over])
    if not still and not over:
        yield "Incidents", f"none on record in {wording.listed(['the journal', *alert_sources(facts)])}"


def incidents(entries: Iterable[Entry], at: datetime) -> tuple[list[Entry], list[tuple[Entry, datetime]]]:
    """
    The incidents that are open at that time, and those that are over with their end: entries of the kind alert, of sources
    and of the journal. One ends with a later entry that says the same with 'resolved' or 'ended'; in the journal part of it will do.
    """
    still: dict[str, Entry] = {}
    over: list[tuple[Entry, datetime]] = []
    for each in entries:
        if each.kind != "alert" or each.at > at:
            continue
        rest = known_as(re.sub(r"(?i)\b(?:resolved|ended)\b", "", each.text, count=1))
        ended = [rest] if rest in still else []
        if not ended and each.origin == "journal":
            ended = [name for name, one in still.items() if one.origin == "journal" and rest in name]
        if not re.search(r"(?i)\b(?:resolved|ended)\b", each.text):
            still.setdefault(rest, each)
        elif ended:
            over += [(still.pop(name), each.at) for name in ended]
        elif not re.match(r"(?i)resolved|ended|PagerDuty incident resolved|Alert .* ended:", each.text):
            still[known_as(each.text)] = each
    return list(still.values()), over


def known_as(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def alert_sources(facts: Facts) -> list[str]:
    return sorted({ALERTS[each.kind] for each in facts.deployment.sources if each.kind in ALERTS})


def last_on_record(facts: Facts, at: datetime) -> Lines:
    """The newest lines of the log, the newest last."""
    lines = [each for each in facts.entries if each.at <= at and each.kind != "alert" and not each.private][-3:]
    for each in lines:
        who = f" ({wording.listed(each.people)})" if each.people else ""
        yield wording.local_full(each.at, facts.deployment.zone), filled(facts, each.text) + who


def leads(facts: Facts) -> Lines:
    if facts.deployment.lead:
        yield "Lead", facts.deployment.lead


def unknown(kind: str, facts: Facts, at: datetime) -> Iterator[str]:
    """What a reader would ask and nobody has put on record."""
    deployment, until = facts.deployment, facts.data_until
    if not alert_sources(facts):
        yield "whether an incident was opened elsewhere: no source of alerts is configured"
    if deployment.baseline is None:
        yield "how it was before: there is no baseline"
    if until is None:
        yield "what the metrics are: no data were pulled"
    elif until + STALE < min(at, looked_at(facts).end):
        yield f"what the metrics are after {wording.local_full(until, deployment.zone)}: no data were pulled"
    if kind == "broadcast":
        yield "cause, effect on customers and time of recovery, unless a line above tells"
        if not (facts.records.rehearsal and facts.records.rehearsal.script):
            yield "the way back: no rollback is on record"
    if kind == "recap" and deployment.closing is None:
        yield "how it ended: nobody has recorded it"
    if not deployment.lead:
        yield "who leads"


def filled(facts: Facts, text: str) -> str:
    """The text with every '{parser_p50 …}' that was measured as the report prints it."""
    for written, id in facts.references.items():
        if id in facts.figures:
            text = text.replace(written, facts.figures[id].display)
    return text


def capped(lines: Sequence[tuple[str, str]]) -> Lines:
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield "And", f"{len(lines) - MOST} more like these, in the report"

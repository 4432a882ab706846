"""
What people typed by hand, held against what was measured: numbers with a metric's unit, and a few phrases that the
verdicts can contradict. Only hints, for `check`: whoever wrote it may have meant something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from .. import wording
from ..errors import Problem
from ..model import Approval, Deployment, Metric, Records, Verdict
from ..times import Window, parse_window
from . import Book

NUMBER = re.compile(r"(?<![\w.,:/-])([+−-]?)(\d+(?:\.\d+)?)\s?(%|[a-zA-Zµ]+(?:/[a-z]+)?)")
NO_PROSE = re.compile(r"`[^`]*`|\{[^{}]*\}|^#.*|^\s*<!--.*")
SPAN = re.compile(r"\b(\d\d:\d\d)(?: to |–|-)(\d\d:\d\d)\b")
# What stands before a number, and how it is meant; no value of the metric at all for the last and for what may follow it.
BEFORE = {
    "about": r"(?:about|around|roughly|nearly|almost|some|~|≈)\s*$",
    "most": r"(?:at most|below|under|within|less than|no more than|up to|≤|<)\s*$",
    "least": r"(?:at least|above|over|more than|≥|>)\s*$",
    "": r"\b(?:tolerance|limit|target|threshold|baseline)\W+(?:\w+\W+){0,2}$",
}
NO_VALUE = re.compile(r"\s*(?:tolerance|limit|target|threshold|baseline|slower|faster|more|less|higher|lower)\b")


def hints(book: Book) -> tuple[Problem, ...]:
    """Every number and phrase of the journal and the notes that differs from what was measured, with its place."""
    found, times = [], {entry.line: entry.at for entry in book.entries if entry.origin == "journal"}
    for path in [book.folder / "journal.md", *sorted(book.folder.glob("notes/*.md"))]:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
        for line, written in enumerate(text.splitlines(), 1):
            at, bare = times.get(line) if path.name == "journal.md" else None, NO_PROSE.sub(" ", written)
            if at or path.name != "journal.md":
                told = [*numbers(book, bare, at), *phrases(book, bare, at)]
                shown = book.workspace.shown(path)
                found += [Problem(path=shown, line=line, where=("hint",), text=each) for each in told]
    for approval in approved_by_lead_alone(book.deployment, book.records):
        said = f"'{approval.what}' was approved by the lead, {book.deployment.lead}, alone; somebody else should"
        found.append(Problem(path=book.deployment.path, line=1, where=("hint", "approvals"), text=said))
    return tuple(found)


def approved_by_lead_alone(deployment: Deployment, records: Records) -> list[Approval]:
    """Who approves and who does it are two people."""
    lead = deployment.lead.casefold()
    return [each for each in records.approvals if lead and each.by and {name.casefold() for name in each.by} == {lead}]


def numbers(book: Book, text: str, at: datetime | None) -> Iterator[str]:
    """The numbers with the unit of a metric that their clause or line names, and that no span of it fits."""
    for found in NUMBER.finditer(text):
        head = text[: found.start()].rstrip("(").lower()
        how = next((how for how, pattern in BEFORE.items() if re.search(pattern, head)), "is")
        fitting = [each for each in book.deployment.metrics if found[3] in units(each) and is_named(each, text)]
        clause = re.split(r"[,;(]\s|\band\b", text[: found.start()])[-1]
        fitting = [metric for metric in fitting if is_named(metric, clause)] or fitting
        if not fitting or not how or NO_VALUE.match(text[found.end() :]):
            continue
        told = [measured(book, metric, found, how, text, at) for metric in fitting]
        if all(told):
            yield f"'{found[0]}' is not what was measured: {wording.listed(told)}"


def measured(book: Book, metric: Metric, typed: re.Match[str], how: str, text: str, at: datetime | None) -> str:
    """What was measured where the typed number does not fit; '' where it does, or nothing was measured."""
    values = [(span, value_of(book, metric, span)) for span in spans(book.deployment, text, at)]
    known = [(span, value) for span, value in values if value is not None]
    if any(fits(typed, how, value) for _, value in known):
        return ""
    told = []
    for span, value in known[:2]:
        shown = wording.percent(value / 100) if metric.show_change else wording.value_text(metric, value)
        when = f"from {wording.window_text(span, book.deployment.zone, day=False)}"
        told.append(f"{shown} {'over the window' if span == book.deployment.window else when}")
    return f"{metric.title} was {', '.join(told)}" if told else ""


def fits(typed: re.Match[str], how: str, value: float) -> bool:
    """Whether the value rounds to what was typed, or lies on the side of it, or within 5 % of 'about'; unsigned by size."""
    number = float(typed[2]) * (-1 if typed[1] in ("-", "−") else 1)
    value = value if typed[1] else abs(value)
    slack = 0.5 / float(10 ** len(typed[2].partition(".")[2])) + 1e-9
    if how == "about":
        slack = max(slack, abs(number) * 0.05)
    return (how == "least" or value <= number + slack) and (how == "most" or value >= number - slack)


def units(metric: Metric) -> tuple[str, ...]:
    return ("%",) if metric.show_change else (metric.unit, wording.singular(metric.unit))


def is_named(metric: Metric, text: str) -> bool:
    """By its id, its title, a name in the source, or two words of these."""
    text, id = text.lower(), metric.id.replace("_", " ")
    if any(
        re.search(rf"(?<!\w){re.escape(each.lower())}(?!\w)", text)
        for each in (metric.id, id, metric.title, *metric.names)
    ):
        return True
    words = set(re.findall(r"[\w.]{2,}", f"{metric.title} {id}".lower())) - {"of", "the", "in", "per", "and", "to"}
    return len(words & set(re.findall(r"[\w.]+", text))) >= 2


def spans(deployment: Deployment, text: str, at: datetime | None) -> list[Window]:
    """
    What a line may speak of: a span that it writes; of the journal the check-in before it, the window so far and whole,
    later the time since its end; of a note the window and its check-ins; of both the checkpoints until then.
    """
    window, every, end, found = deployment.window, deployment.checkins.every, deployment.end, []
    for written in SPAN.finditer(text):
        with suppress(ValueError):
            found.append(parse_window(f"{written[1]} to {written[2]}", deployment.zone, deployment.day))
    if at is None:
        found += [
            window,
            *(
                Window(start=window.start + every * n, end=window.start + every * (n + 1))
                for n in range((end - window.start) // every)
            ),
        ]
    elif at > end + timedelta(minutes=1):
        found += [Window(start=end, end=at), Window(start=max(end, at - deployment.checkpoints.window), end=at), window]
    elif at > window.start:
        found += [Window(start=max(window.start, at - every), end=at), Window(start=window.start, end=at), window]
    for after in deployment.checkpoints.after:
        if at is None or deployment.due(after) <= at + timedelta(minutes=10):
            found += [deployment.checkpoint_window(after), deployment.since_end(after)]
    return list(dict.fromkeys(found))


def value_of(book: Book, metric: Metric, span: Window) -> float | None:
    """As it would be typed: a change in %, else the value in the metric's unit."""
    from .. import measure

    if not metric.show_change:
        return measure.measure(metric, book.data, span).value
    baseline = book.deployment.baseline_of(span)
    delta = measure.compare(metric, book.data, span, baseline)[2] if baseline else None
    return None if delta is None or delta.relative is None else delta.relative * 100


def outside(book: Book, text: str, span: Window) -> list[str]:
    bad = (Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE)
    judged = [each for each in book.facts.metrics if not each.metric.advisory]
    chosen = [each for each in judged if is_named(each.metric, text)] or judged
    return [f"{each.metric.title} is {wording.word(each.verdict)}" for each in chosen if each.verdict in bad]


def counted(book: Book, text: str, span: Window) -> list[str]:
    counts = [(each, value_of(book, each, span)) for each in book.deployment.metrics if each.kind == "counter"]
    return [f"{metric.title} was {wording.value_text(metric, value)} by then" for metric, value in counts if value]


def alerted(book: Book, text: str, span: Window) -> list[str]:
    return [each.text[:80] for each in book.entries if each.kind == "alert" and span.start <= each.at <= span.end][:3]


def rolled_back(book: Book, text: str, span: Window) -> list[str]:
    closing = book.deployment.closing
    return ["it was rolled back"] if closing and closing.outcome == "rolled_back" else []


# The whole list, as the manual prints it; what contradicts a phrase, from the start of the window until it was written.
PHRASES: dict[str, Callable[[Book, str, Window], list[str]]] = {
    r"(?:with)?in(?:side)? (?:its |their |the )?(?:tolerances?|limits?)": outside,
    r"(?:all|everything) (?:is |are )?green": outside,
    r"(?:no|zero|without) (?:\w+ )?(?:errors?|failures?)": counted,
    r"(?:errors?|failures?) (?:are |is |still |at )*zero": counted,
    r"(?:no|zero|without) alerts?": alerted,
    r"(?:no|without a|without any) roll-?back": rolled_back,
}


def phrases(book: Book, text: str, at: datetime | None) -> Iterator[str]:
    start, end = book.deployment.window.start, at or book.deployment.end
    for pattern, contradicts in PHRASES.items() if start < end else ():
        found = re.search(rf"(?<!not )\b{pattern}\b", text, re.IGNORECASE)
        if found and (said := contradicts(book, text, Window(start=start, end=end))):
            yield f"'{found[0]}' is contradicted: {wording.listed(said)}"

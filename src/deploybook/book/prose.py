"""
What people typed by hand, held against what was measured: numbers with a metric's unit, and a few phrases that the
verdicts can contradict. Only hints, for `check`: whoever wrote it may have meant something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import wording
from ..errors import Problem
from ..model import Approval, Deployment, Metric, Records, Verdict
from ..times import Window, parse_window
from . import Book

NUMBER = re.compile(r"(?<![\w.,:/-])([+−-]?)(\d+(?:\.\d+)?)\s?(%|[a-zA-Zµ]+(?:/[a-z]+)?)")
NO_PROSE = re.compile(r"`[^`]*`|\{[^{}]*\}|^#.*|^\s*<!--.*", re.MULTILINE)
SPAN = re.compile(r"\b\d\d:\d\d(?: to |–|-)\d\d:\d\d\b")
BEFORE = {
    "about": r"(?:about|around|roughly|nearly|almost|some|~|≈)\s*$",
    "most": r"(?:at most|below|under|within|less than|no more than|up to|≤|<)\s*$",
    "least": r"(?:at least|above|over|more than|≥|>)\s*$",
    "": r"\b(?:tolerance|limit|target|threshold|baseline)\W+(?:\w+\W+){0,2}$",
}
NO_VALUE = re.compile(r"\s*(?:tolerance|limit|target|threshold|baseline|slower|faster|more|less|higher|lower)\b")
PLAIN = {"of", "the", "a", "in", "per", "and", "to"}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A typed number and the metrics that its line names. how: is, about, most, least. signed: a sign was typed."""

    metrics: tuple[Metric, ...]
    text: str
    value: float
    decimals: int
    how: str
    signed: bool

    def fits(self, measured: float) -> bool:
        measured = measured if self.signed else abs(measured)
        slack = 0.5 / float(10**self.decimals) + 1e-9
        if self.how == "most":
            return measured <= self.value + slack
        if self.how == "least":
            return measured >= self.value - slack
        return abs(measured - self.value) <= (max(slack, abs(self.value) * 0.05) if self.how == "about" else slack)


def hints(book: Book) -> tuple[Problem, ...]:
    """Every number and phrase of the journal and the notes that differs from what was measured, with its place."""
    found = []
    for path in [book.folder / "journal.md", *sorted(book.folder.glob("notes/*.md"))]:
        shown = book.workspace.shown(path)
        for line, text, at in lines(book, path.name, path.read_text(encoding="utf-8-sig") if path.is_file() else ""):
            told = [*numbers(book, text, at), *phrases(book, text, at)]
            found += [Problem(path=shown, line=line, where=("hint",), text=each) for each in told]
    return (*found, *alone(book))


def lines(book: Book, name: str, text: str) -> Iterator[tuple[int, str, datetime | None]]:
    """Each line with its number; of a journal its time, of a note none."""
    times = (
        {entry.line: entry.at for entry in book.entries if entry.origin == "journal"} if name == "journal.md" else {}
    )
    for number, line in enumerate(text.splitlines(), 1):
        if times and number not in times:
            continue
        yield number, NO_PROSE.sub(" ", line), times.get(number)


def numbers(book: Book, text: str, at: datetime | None) -> Iterator[str]:
    for claim in claims(text, book.deployment.metrics):
        told: list[str] = []
        for metric in claim.metrics:
            values = [(span, value_of(book, metric, span)) for span in spans(book.deployment, text, at)]
            known = [(span, value) for span, value in values if value is not None]
            if not known or any(claim.fits(value) for _, value in known):
                told = []
                break
            values_there = ", ".join(f"{shown(metric, value)} {named(book, span)}" for span, value in known[:2])
            told.append(f"{metric.title} was {values_there}")
        if told:
            yield f"'{claim.text}' is not what was measured: {wording.listed(told)}"


def claims(text: str, metrics: tuple[Metric, ...]) -> Iterator[Claim]:
    """The numbers with the unit of a metric that the line names by its id, title or exported name, or by two words of them."""
    named = [metric for metric in metrics if is_named(metric, text)]
    for found in NUMBER.finditer(text):
        fitting = tuple(metric for metric in named if found[3] in units(metric))
        clause = re.split(r"[,;(]\s|\band\b", text[: found.start()])[-1]
        fitting = tuple(metric for metric in fitting if is_named(metric, clause)) or fitting
        head = text[: found.start()].rstrip("(").lower()
        how = next((how for how, pattern in BEFORE.items() if re.search(pattern, head)), "is")
        if not fitting or not how or NO_VALUE.match(text[found.end() :]):
            continue
        value = float(found[2]) * (-1 if found[1] in ("-", "−") else 1)
        decimals = len(found[2].partition(".")[2])
        yield Claim(metrics=fitting, text=found[0], value=value, decimals=decimals, how=how, signed=bool(found[1]))


def is_named(metric: Metric, text: str) -> bool:
    text = text.lower()
    whole = {metric.id, metric.id.replace("_", " "), metric.title.lower(), *metric.names}
    if any(re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", text) for name in whole):
        return True
    words = set(re.findall(r"[\w.]+", f"{metric.title} {metric.id.replace('_', ' ')}".lower())) - PLAIN
    return len(words & set(re.findall(r"[\w.]+", text))) >= 2


def units(metric: Metric) -> tuple[str, ...]:
    return ("%",) if metric.show_change else (metric.unit, wording.singular(metric.unit))


def spans(deployment: Deployment, text: str, at: datetime | None) -> list[Window]:
    """
    What a line may speak of: of the journal the check-in span before it, the window so far and whole, later the time
    since its end; of a note the window, its check-ins and checkpoints; and whatever span the line itself writes.
    """
    window, found = deployment.window, []
    for written in SPAN.finditer(text):
        try:
            found.append(
                parse_window(written[0].replace("–", " to ").replace("-", " to "), deployment.zone, deployment.day)
            )
        except ValueError:
            continue
    ends = [window.start + deployment.checkins.every * n for n in range(1, 200)]
    if at is None:
        found += [
            window,
            *(Window(start=end - deployment.checkins.every, end=end) for end in ends if end <= window.end),
        ]
    elif at <= window.start:
        return found
    else:
        hour = max(window.end, at - deployment.checkpoints.window)
        pairs = [
            (max(window.start, at - deployment.checkins.every), at),
            (window.start, at),
            (window.end, at),
            (hour, at),
        ]
        inside = at <= window.end + timedelta(minutes=1)
        found += [Window(start=start, end=end) for start, end in (pairs[:2] if inside else pairs[2:]) if start < end]
        found.append(window)
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


def shown(metric: Metric, value: float) -> str:
    return wording.percent(value / 100) if metric.show_change else wording.value_text(metric, value)


def named(book: Book, span: Window) -> str:
    whole = span == book.deployment.window
    return "over the window" if whole else f"from {wording.window_text(span, book.deployment.zone, day=False)}"


# --- phrases


def outside(book: Book, text: str, at: datetime | None) -> list[str]:
    bad = (Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE)
    judged = [each for each in book.facts.metrics if not each.metric.advisory]
    chosen = [each for each in judged if is_named(each.metric, text)] or judged
    return [f"{each.metric.title} is {wording.word(each.verdict)}" for each in chosen if each.verdict in bad]


def counted(book: Book, text: str, at: datetime | None) -> list[str]:
    """What was counted until then, from the start of the window on."""
    start, end = book.deployment.window.start, at or book.deployment.end
    counts = [metric for metric in book.deployment.metrics if metric.kind == "counter"] if start < end else []
    values = [(metric, value_of(book, metric, Window(start=start, end=end))) for metric in counts]
    return [f"{metric.title} was {shown(metric, value)} by then" for metric, value in values if value]


def alerted(book: Book, text: str, at: datetime | None) -> list[str]:
    start, end = book.deployment.window.start, at or book.deployment.end
    return [entry.text[:80] for entry in book.entries if entry.kind == "alert" and start <= entry.at <= end][:3]


def rolled_back(book: Book, text: str, at: datetime | None) -> list[str]:
    closing = book.deployment.closing
    return ["it was rolled back"] if closing and closing.outcome == "rolled_back" else []


# The whole list; what contradicts a phrase is asked of the verdicts, or of the events before it.
PHRASES: dict[str, Callable[[Book, str, datetime | None], list[str]]] = {
    r"(?:with)?in(?:side)? (?:its |their |the )?(?:tolerances?|limits?)": outside,
    r"(?:all|everything) (?:is |are )?green": outside,
    r"(?:no|zero|without) (?:\w+ )?(?:errors?|failures?)": counted,
    r"(?:errors?|failures?) (?:are |is |still |at )*zero": counted,
    r"(?:no|zero|without) alerts?": alerted,
    r"(?:no|without a|without any) roll-?back": rolled_back,
}


def phrases(book: Book, text: str, at: datetime | None) -> Iterator[str]:
    for pattern, contradicts in PHRASES.items():
        found = re.search(rf"(?<!not )\b{pattern}\b", text, re.IGNORECASE)
        if found and (said := contradicts(book, text, at)):
            yield f"'{found[0]}' is contradicted: {wording.listed(said)}"


# --- approvals


def alone(book: Book) -> Iterator[Problem]:
    """An approval that the lead alone gave: who approves and who does it are two people."""
    for approval in approved_by_lead_alone(book.deployment, book.records):
        text = f"'{approval.what}' was approved by the lead, {book.deployment.lead}, alone; somebody else should"
        yield Problem(path=book.deployment.path, line=1, where=("hint", "approvals"), text=text)


def approved_by_lead_alone(deployment: Deployment, records: Records) -> list[Approval]:
    lead = deployment.lead.casefold()
    return [each for each in records.approvals if lead and each.by and {name.casefold() for name in each.by} == {lead}]

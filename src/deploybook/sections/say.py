"""Facts as inline pieces: measured figures, verdicts, times, evidence chips, text with figures in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .. import wording
from ..facts import Facts, Figure, figure_id
from ..model import Judgement, Measurement, Metric
from ..times import Window, iso
from . import markup
from .text import Html, escape, join, prose


def figure(facts: Facts, shown: Figure, display: str = "") -> Html:
    """One published figure: the value leads to its evidence row and tells unrounded what it is made of."""
    item = facts.chip(shown.inputs, shown.window)
    notes = [
        repr(shown.value) if shown.unit == "1" else f"{shown.value!r} {shown.unit}",
        wording.window_text(shown.window, facts.deployment.zone),
        f"{shown.found} of {shown.expected} samples" if shown.expected else "",
        query(shown.metric),
        f"sha256 {item.digest[:16]}…" if item and item.digest else "",
    ]
    href = f"#{item.number}" if item else ""
    return markup.figure_value(shown.value, display or shown.display, shown.id, href, notes)


def published(facts: Facts, id: str, text: str) -> Html:
    """The figure of that id, the text where there is none."""
    shown = facts.figures.get(id)
    return figure(facts, shown) if shown else escape(text)


def query(metric: Metric) -> str:
    """What was asked, in PromQL's words: the selector, its statistic, a split of good and all for a ratio."""
    if metric.query:
        return metric.query
    where = ",".join(str(matcher) for matcher in metric.where)
    selector = f"{metric.name}{{{where}}}" if where else metric.name
    if metric.kind == "ratio":
        good = ",".join(str(matcher) for matcher in (*metric.good, *metric.where))
        return f"{metric.name}{{{good}}} / {metric.total_name or metric.name}"
    return f"{metric.statistic} of {selector}"


def value(facts: Facts, metric: Metric, measurement: Measurement | None) -> Html:
    """The value of a measurement as a figure, 'no data' as words."""
    if measurement is None:
        return Html("—")
    return published(facts, figure_id(metric, measurement), wording.value_text(metric, measurement.value))


def headline(facts: Facts, judgement: Judgement) -> Html:
    """What the reader takes as the metric's figure: its value, or the change where it shows its change."""
    metric = judgement.metric
    if not metric.show_change:
        return value(facts, metric, judgement.now)
    text = "no data" if judgement.figure is None else wording.percent(judgement.figure)
    return published(facts, figure_id(metric, judgement.now, change=True), text)


def delta(facts: Facts, judgement: Judgement) -> Html:
    """The change against the baseline as a figure; a dash where there is none."""
    if judgement.metric.show_change:
        return Html("—")
    shown = facts.figures.get(figure_id(judgement.metric, judgement.now, change=True))
    text = wording.delta_text(judgement.metric, judgement.delta)
    if shown is not None and text:
        return figure(facts, shown, text)
    return escape(text or "—")


def doubt(judgement: Judgement) -> str:
    """'−0.6 % to +4.4 %', the 90 % interval, or why there is none."""
    judged = judgement.judged
    if judged is None:
        return ""
    if judged.at90 is None:
        return judged.blocked
    unit, decimals = judgement.metric.unit, 1
    if judged.scale == "value":
        decimals = wording.decimals_for(judgement.metric, judged.value)
    low, high = (wording.scaled(each, judged.scale, unit, decimals) for each in (judged.at90.low, judged.at90.high))
    return f"{low} to {high}"


def word(judgement: Judgement) -> str:
    return wording.word(judgement.verdict)


def status(judgement: Judgement) -> Html:
    """The status word with its shape; 'provisional' beside it where the interval straddles."""
    shown = markup.status(word(judgement))
    return join([shown, Html("<small>provisional</small>")], " ") if judgement.strength == "provisional" else shown


def chip(facts: Facts, inputs: Iterable[str], window: Window | None = None) -> Html:
    """The evidence of a figure over the window: the export that holds most of it."""
    item = facts.chip(inputs, window)
    return markup.chip(item.number, f"#{item.number}", item.name) if item else Html()


def at(facts: Facts, moment: datetime) -> Html:
    """A local time, UTC on hover; the zone stands in the caption or the heading."""
    return markup.moment(wording.local(moment, facts.deployment.zone), iso(moment))


def full(facts: Facts, moment: datetime | None) -> Html:
    """'22 Jan 14:00 PT', or 'Day 4 09:45 PT' where the records name the day."""
    if moment is None:
        return Html()
    text = wording.relative_day(moment, facts.deployment.zone, facts.records.day_labels)
    return markup.moment(text, iso(moment))


def span(facts: Facts, window: Window | None, *, day: bool = False) -> Html:
    if window is None:
        return Html()
    return markup.moment(wording.window_text(window, facts.deployment.zone, day=day), iso(window.start))


def inserts(facts: Facts, text: str) -> dict[str, Html]:
    """Every '{…}' that people wrote, as the figure it stands for; none for a text without one."""
    known = sorted(facts.references.items()) if "{" in text else ()
    return {written_as: figure(facts, facts.figures[id]) for written_as, id in known if id in facts.figures}


def line(facts: Facts, text: str) -> Html:
    """One line a person wrote, figures filled in."""
    return prose(text, inserts(facts, text))


def blocks(*parts: object) -> str:
    """The blocks of a section, empty ones left out."""
    return "\n\n".join(str(part) for part in parts if part)


def bullets(items: Iterable[Html]) -> Html:
    """A list, each item already markup."""
    rows = "\n".join(f"<li>{item}</li>" for item in items)
    return Html(f'<ul class="db-bullets">\n{rows}\n</ul>') if rows else Html()


def paragraph(*parts: object) -> Html:
    return Html(f"<p>{join(parts, ' ')}</p>")


def full_or_time(facts: Facts, moment: datetime | None) -> Html:
    """The time alone on the day of the deployment, with its day on any other."""
    if moment is None:
        return Html()
    same = moment.astimezone(facts.deployment.zone).date() == facts.deployment.day
    return at(facts, moment) if same else full(facts, moment)

"""
What a page says of itself, for the pages that list it: written as `<page>.page.json` beside the page, read by publish.

Everything shown elsewhere (home, archive, change, metric history, registers, evidence) comes from here, in the words
the page itself used, so that no figure is rounded or judged twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from html import unescape
from typing import Any, Literal

from .. import wording
from ..facts import EvidenceItem, Facts, figure_id
from ..model import Deployment, Judgement
from ..register import REGISTERS, RegisterLine
from ..times import iso
from . import markup, metrics, plan, say, summary
from .text import Html

SCHEMA = "deploybook.page/1"
PageKind = Literal["outcome", "checkpoint", "daily", "closing"]


Shown = tuple[str, float, str]  # a figure: its id, its value, what it prints
NOTHING: Shown = ("", 0.0, "")


@dataclass(frozen=True, kw_only=True)
class MetricLine:
    """
    One metric of the page. value: unrounded, None without one. limit: where the chart draws it; upper: its side.
    figures: of shown, baseline and delta.
    """

    id: str
    title: str
    unit: str
    decimals: int = 1
    value: float | None = None
    shown: str = ""
    baseline: str = ""
    delta: str = ""
    limit: float | None = None
    upper: bool = True
    limit_text: str = ""
    tolerance: str = ""
    word: str = ""
    evidence: str = ""
    query: str = ""
    figures: tuple[Shown, ...] = (NOTHING, NOTHING, NOTHING)


@dataclass(frozen=True, kw_only=True)
class CheckpointLine:
    after: str
    due: datetime
    word: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Something that asks for a person: a status word, what, and one line more."""

    word: str
    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class LifeStep:
    at: datetime
    step: str
    by: str = ""
    result: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """
    Why a page was not produced. sentence: one plain sentence. missing, remains: what readers lack and still have.
    owner: who has it. next_try: when it is tried again. ran: (cells, purpose, Ran | Failed | Not run, time).
    error: exact, for engineers. notebook, last_good: addresses relative to the page.
    """

    sentence: str
    missing: str
    remains: str = ""
    reason: str = ""
    owner: str = ""
    next_try: str = ""
    stopped_at: str = ""
    attempts: str = ""
    ran: tuple[tuple[str, str, str, str], ...] = ()
    error: str = ""
    notebook: str = ""
    last_good: str = ""


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """
    title: of the page. name, ticket, …: of the deployment. zone: IANA name. after: '24h' of a checkpoint.
    as_of: the logical time the page speaks of. closed: how the deployment ended, '' while it has not.
    word, modifier, sentence, detail, number, number_notes: the verdict block. table: the metrics table as markup.
    chart: one figure as markup for the home page, '' for none. failure: set where the page was not produced.
    late: 'late by 3 h 10 min', '' for a report on time. log_size, log_root, signed: the evidence log before the run, as the page prints it.
    revision, corrects: see facts.Provenance. registers: of a daily report, by deployment: what the next one compares with.
    """

    kind: PageKind
    title: str
    deployment: str
    name: str
    ticket: str = ""
    version: str = ""
    service: str = ""
    team: str = ""
    lead: str = ""
    zone: str = "UTC"
    start: datetime
    end: datetime
    observed_until: datetime
    as_of: datetime
    data_until: datetime | None = None
    after: str = ""
    closed: str = ""
    word: str
    modifier: str = ""
    sentence: str = ""
    detail: str = ""
    number: str = ""
    number_figure: Shown = NOTHING
    number_notes: tuple[str, ...] = ()
    metrics: tuple[MetricLine, ...] = ()
    checkpoints: tuple[CheckpointLine, ...] = ()
    asks: tuple[Ask, ...] = ()
    risks: tuple[RegisterLine, ...] = ()
    actions: tuple[RegisterLine, ...] = ()
    priorities: tuple[RegisterLine, ...] = ()
    checks: tuple[RegisterLine, ...] = ()
    registers: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    lessons: str = ""
    life: tuple[LifeStep, ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()
    table: str = ""
    chart: str = ""
    failure: Failure | None = None
    late: str = ""
    log_size: int = 0
    log_root: str = ""
    signed: bool = False
    revision: int = 1
    corrects: str = ""
    schema: str = SCHEMA


def write_page_facts(page: PageFacts) -> str:
    """The JSON text of `<page>.page.json`: sorted, one key a line, the same bytes for the same page."""
    return json.dumps(asdict(page), default=iso, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def of_deployment(deployment: Deployment) -> dict[str, Any]:
    """What every page of a deployment says of it, made or not."""
    same = {name: getattr(deployment, name) for name in ("ticket", "version", "service", "team", "lead", "end")}
    return {
        **same,
        "deployment": deployment.slug,
        "name": deployment.title,
        "zone": deployment.zone.key,
        "start": deployment.window.start,
        "observed_until": deployment.observed.end,
    }


def page_facts(facts: Facts, kind: PageKind, title: str, chart: str = "") -> PageFacts:
    """What the page made from these facts says of itself."""
    deployment, closing, made = facts.deployment, facts.deployment.closing, facts.provenance
    number, notes = summary.main_number(facts)
    word, modifier = summary.whole(facts)
    stops = [(result.due, plan.stop(facts, result)) for result in facts.checkpoints]
    registers: Any = {name: tuple(line for line in facts.registers if line.register == name) for name in REGISTERS}
    return PageFacts(
        kind=kind,
        title=title,
        **of_deployment(deployment),
        as_of=facts.as_of,
        data_until=facts.data_until,
        after="" if facts.after is None else wording.after_text(facts.after).removeprefix("+"),
        closed=closing.outcome if closing else "",
        word=word,
        modifier=modifier,
        sentence=facts.sentence,
        detail=summary.detail(facts),
        number=_text(number),
        number_figure=_shown(facts, unescape("".join(re.findall('data-figure="([^"]*)"', number)))),
        number_notes=tuple(_text(note) for note in notes),
        metrics=tuple(_metric_line(facts, each) for each in facts.metrics),
        checkpoints=tuple(
            CheckpointLine(after=stop.name.removeprefix("+"), due=due, word=stop.word, note=str(stop.note))
            for due, stop in stops
        ),
        asks=tuple(Ask(word=asked, text=text, note=note) for asked, text, note in summary.asks(facts)),
        **registers,
        lessons=facts.records.notes.get("lessons", ""),
        life=_life(facts),
        evidence=facts.evidence,
        table=metrics.table(facts),
        chart=chart,
        late=wording.late_text(facts.late) if facts.late else "",
        **{name: getattr(made, name) for name in ("log_size", "log_root", "signed", "revision", "corrects")},
    )


def _text(markup_or_text: object) -> str:
    """What a figure prints, without its notes."""
    body = re.sub(r'<span class="db-tip".*?</span>', "", str(markup_or_text))
    return unescape(re.sub(r"<[^>]*>", "", body))


def _shown(facts: Facts, id: str) -> Shown:
    figure = facts.figures.get(id)
    return (figure.id, figure.value, figure.display) if figure else NOTHING


def _metric_line(facts: Facts, judgement: Judgement) -> MetricLine:
    metric, shown, target = judgement.metric, summary.headlined(judgement), judgement.metric.target
    change = metric.show_change
    value = shown.figure if change else summary.held(shown)
    limit = (metric.tolerance.relative or 0) * 100 or None if change else target.value if target else None
    chip = facts.chip(judgement.now.inputs, judgement.now.window)
    hourly = not change and summary.is_hourly(shown)
    figures = [(shown.now, change, hourly), (shown.baseline, False, False), (judgement.now, True, False)]
    return MetricLine(
        id=metric.id,
        title=metric.title,
        unit="%" if change else metric.unit,
        decimals=1 if change or value is None else wording.decimals_for(metric, value),
        value=None if value is None else value * 100 if change else value,
        shown="no data" if value is None else wording.percent(value) if change else summary.held_text(shown),
        baseline=wording.value_text(metric, shown.baseline.value) if shown.baseline else "",
        delta="" if change else wording.delta_text(metric, judgement.delta),
        figures=tuple(
            _shown(facts, figure_id(metric, now, change=delta, worst_hour=worst) if now else "")
            for now, delta, worst in figures
        ),
        limit=limit,
        upper=change or target is None or target.side != "lower",
        limit_text=metrics.threshold(judgement),
        tolerance="" if change or metric.tolerance.text == "none" else f"±{metric.tolerance.text}",
        word=say.word(judgement),
        evidence=chip.number if chip else "",
        query=say.query(metric),
    )


def _life(facts: Facts) -> tuple[LifeStep, ...]:
    """What is known to have happened and when, in order of time."""
    records, deployment, closing = facts.records, facts.deployment, facts.deployment.closing
    steps: list[tuple[datetime | None, str, str, str]] = [
        (each.at, each.what, wording.listed(each.by), each.result) for each in records.approvals
    ]
    if records.rehearsal:
        steps.append((records.rehearsal.at, f"Back-out rehearsed {records.rehearsal.where}".strip(), "", "Done"))
    for each in records.steps:
        at = each.window.start if each.window else each.at
        steps.append((at, each.title, wording.listed(each.by), "Done"))
    steps.append((deployment.window.start, "Deployment window opens", deployment.lead, "Done"))
    steps.append((deployment.end, "Deployment window closes, observation begins", "", "Done"))
    for result in facts.checkpoints:
        name, word = wording.after_text(result.after), wording.word(result.verdict)
        steps.append((result.due, f"{name} checkpoint", "automatic", word))
    if closing:
        outcome = closing.outcome.replace("_", " ").capitalize()
        steps.append((closing.at, closing.reason or "Closed", deployment.lead, outcome))
    found = [LifeStep(at=at, step=step, by=by, result=result) for at, step, by, result in steps if at]
    return tuple(sorted(found, key=lambda step: step.at))


def chart_figure(drawing: Any, caption: object, source: object = "") -> Html:
    """A drawing of `charts` as a figure: wide and narrow, with its values as a table."""
    return markup.figure(drawing.svg, caption, source, values_of(drawing), drawing.narrow, figure_id=drawing.id)


def values_of(drawing: Any) -> Html:
    columns = [(title, "head" if i == 0 else "number") for i, title in enumerate(drawing.table.columns)]
    return markup.table(drawing.table.caption, columns, drawing.table.rows)

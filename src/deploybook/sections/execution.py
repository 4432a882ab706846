"""3. Execution: the steps with the flag ramp, restarts, first validation, variance, and the check-ins of the window."""

from __future__ import annotations

from .. import wording
from ..facts import Facts
from ..model import Judgement, Step
from . import markup, say
from .text import Html, escape, heading, join

GATES = [
    ("Gate", "head"),
    ("At", "text"),
    ("Metric", "text"),
    ("Change", "number"),
    ("Condition", "text"),
    ("90 % interval", "text"),
    ("Status", "status"),
]


def execution(facts: Facts) -> str:
    steps = [step(facts, each) for each in facts.records.steps]
    return say.blocks(*steps, gates(facts), checkins(facts), restarts(facts))


def step(facts: Facts, each: Step) -> str:
    when = say.span(facts, each.window) if each.window else say.full_or_time(facts, each.at)
    head = [part for part in (when, escape(wording.listed(each.by))) if part]
    lines: list[tuple[Html, Html]] = [
        *((say.at(facts, at), say.line(facts, what)) for at, what in each.ramp),
        *((say.span(facts, window), say.line(facts, what)) for window, what in each.lines),
        *((escape(label), say.line(facts, text)) for label, text in each.facts),
    ]
    listed = markup.pairs(lines) if any(name for name, _ in lines) else say.bullets(text for _, text in lines)
    title = heading(f"{each.id} {each.title}".strip(), 3)
    text = [say.line(facts, each.text)] if each.text else []
    return say.blocks(title, say.paragraph(join([*head, *text], " · ")) if head or text else "", listed)


def gates(facts: Facts) -> str:
    """The conditions at a named minute, each with what its few minutes could tell."""
    if not facts.gates:
        return ""
    rows = [
        (
            gate.name,
            say.at(facts, gate.at),
            gate.judgement.metric.title,
            say.delta(facts, gate.judgement),
            gate.judgement.limit,
            say.doubt(gate.judgement),
            say.status(gate.judgement),
        )
        for gate in facts.gates
    ]
    return say.blocks(heading("Gates", 3), markup.table("Conditions during the ramp", GATES, rows))


def checkins(facts: Facts) -> str:
    """One row a check-in, one column pair a metric."""
    looked = [each for each in facts.window_metrics if each.checkins]
    if not looked:
        return ""
    columns: list[tuple[str, str]] = [("At", "head")]
    for judgement in looked:
        columns += [(judgement.metric.title, "number"), ("90 % interval", "text"), ("Status", "status")]
    rows = []
    for index, checkin in enumerate(looked[0].checkins):
        cells: list[object] = [say.at(facts, checkin.at)]
        for judgement in looked:
            one = judgement.checkins[index].judgement if index < len(judgement.checkins) else None
            cells += [say.headline(facts, one), say.doubt(one), say.status(one)] if one else ["", "", ""]
        rows.append(cells)
    caption = f"Each over the {wording.how_long(facts.deployment.checkins.every)} before it"
    return say.blocks(heading("Check-ins", 3), markup.table(caption, columns, rows), spread(looked))


def spread(looked: list[Judgement]) -> str:
    """The lowest and highest figure of each metric that shows its change."""
    parts = []
    for judgement in looked:
        figures = [each.judgement.figure for each in judgement.checkins if each.judgement.figure is not None]
        if judgement.metric.show_change and len(figures) > 1:
            low, high = wording.percent(min(figures)), wording.percent(max(figures))
            parts.append(f"{judgement.metric.title}: {low} to {high} over the check-ins.")
    return say.paragraph(*parts) if parts else ""


def restarts(facts: Facts) -> str:
    lines = [
        join([markup.status("Watch") if finding.severity == "warn" else "", finding.text], " ")
        for finding in facts.findings
        if finding.kind == "restarts"
    ]
    return say.blocks(heading("Restarts seen in the counters", 3), say.bullets(lines)) if lines else ""

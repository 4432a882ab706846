"""1. Overview: goal, result, people, the timeline's headline moments, who was told what."""

from __future__ import annotations

from collections.abc import Sequence

from .. import times, wording
from ..facts import Facts
from ..model import Entry, Item, Touchpoint
from . import markup, say
from .text import Html, fill


def overview(facts: Facts) -> str:
    told = timeline(facts)
    return say.blocks(facts_list(facts), markup.columns(*told) if len(told) > 1 else "".join(told))


def facts_list(facts: Facts) -> Html:
    programme, deployment = facts.records.programme, facts.deployment
    team = [f"{each.name} ({each.role})" if each.role else each.name for each in facts.records.team]
    said = [
        ("Programme", programme.name),
        ("Goal", programme.goal),
        ("Result, as declared", programme.result),
        ("Team", wording.listed(team)),
    ]
    rows = [(name, say.line(facts, text)) for name, text in said if text]
    rows.append(("Deployment window", say.span(facts, deployment.window, day=True)))
    if deployment.checkpoints.after:
        rows.append(("Observation", say.span(facts, deployment.observed, day=True)))
    rows += [(label, say.line(facts, text)) for label, text in programme.facts]
    return markup.pairs(rows)


def timeline(facts: Facts) -> list[Html]:
    """The headline moments beside the touchpoints with stakeholders."""
    zone = times.zone_name(facts.deployment.zone, facts.deployment.window.start)
    moments: Sequence[Item | Entry] = facts.records.snapshot or [entry for entry in facts.entries if entry.key]
    tables = []
    if moments:
        rows = [(say.full_or_time(facts, each.at), say.line(facts, each.text)) for each in moments]
        tables.append(markup.table("Timeline", [("Time", "head"), ("What happened", "text")], rows, zone=zone))
    if facts.records.touchpoints:
        told = [(say.full_or_time(facts, each.at), said(facts, each)) for each in facts.records.touchpoints]
        columns = [("Time", "head"), ("What was said", "text")]
        tables.append(markup.table("Stakeholder touchpoints", columns, told, zone=zone))
    return tables


def said(facts: Facts, each: Touchpoint) -> Html:
    """What was said, where and by whom on a line below."""
    where = ", ".join(part for part in (each.channel, each.kind, wording.listed(each.by)) if part)
    return fill("{text} <small>{where}</small>", text=say.line(facts, each.text), where=where)

"""
The sections of a report: each takes the Facts and gives Markdown, empty where it has nothing to say.

A new section: one function here or in a module of its own, one line in SECTIONS, one cell in the notebook.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .. import wording
from ..facts import Facts
from . import checkpoint, closing, execution, metrics, overview, people, plan, readiness, record, summary
from .block import MIME, Block
from .text import Html, heading


@dataclass(frozen=True, kw_only=True)
class Section:
    """number: kept also where sections before it are left out; 0 for a section without one."""

    make: Callable[[Facts], str]
    title: str = ""
    number: int = 0


SECTIONS: dict[str, Section] = {
    "summary": Section(make=summary.summary),
    "needs": Section(make=summary.needs_a_person, title="Needs a person"),
    "overview": Section(make=overview.overview, title="Overview", number=1),
    "readiness": Section(make=readiness.readiness, title="Readiness", number=2),
    "execution": Section(make=execution.execution, title="Execution", number=3),
    "metrics": Section(make=metrics.metrics, title="Metrics", number=4),
    "follow_on": Section(make=people.follow_on, title="Follow-on kickoff", number=5),
    "risks": Section(make=people.risks, title="Risks", number=6),
    "plan": Section(make=plan.plan, title="Observation plan", number=7),
    "actions": Section(make=people.actions, title="Actions", number=8),
    "priorities": Section(make=people.priorities, title="Next-day priorities", number=9),
    "evidence": Section(make=record.evidence, title="Evidence and artifacts", number=10),
    "log": Section(make=record.log, title="Minute log", number=11),
    "lessons": Section(make=partial(record.note, name="lessons"), title="Lessons", number=12),
    "conclusion": Section(make=partial(record.note, name="conclusion"), title="Conclusion", number=13),
    "criteria": Section(make=checkpoint.criteria, title="Success criteria"),
    "checkpoints": Section(make=plan.track, title="Checkpoints"),
    "window": Section(make=checkpoint.window_again),
    "closing": Section(make=closing.closing),
    "made": Section(make=summary.how_made, title="How this page was made"),
}


def render(name: str, facts: Facts) -> Block:
    """The section of that name under its heading, as a Block; empty without content. KeyError for an unknown name."""
    section = SECTIONS[name]
    body = section.make(facts)
    if not body.strip():
        return Block(name=name)
    if not section.title:
        return Block(name=name, markdown=body)
    title = section.title
    if name == "follow_on" and facts.records.follow_on_title:
        title = facts.records.follow_on_title
    if name == "plan":
        title = f"The {wording.how_long(facts.deployment.observation).replace(' ', '-').replace('-h', '-hour')} plan"
    number = f"{section.number}. " if section.number else ""
    return Block(name=name, markdown=f"{heading(number + title)} {{: #{name} }}\n\n{body}")

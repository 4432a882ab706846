"""The end of the watch: how it ended and who said so, what happened at each checkpoint, the criteria at the last one."""

from __future__ import annotations

from .. import wording
from ..facts import Facts
from ..times import iso
from . import markup, say, summary
from .checkpoint import criteria_table
from .text import Html, heading

OPEN = Html("<p>Nobody has recorded how it ended; <code>deploybook close --outcome succeeded</code> does.</p>")
DOORS = [
    ("Deployment report", "index.html"),
    ("Evidence", "#evidence"),
    ("Notebook behind this page", "closing-notebook.html"),
    ("How this page was made", "#made"),
]


def closing(facts: Facts) -> str:
    """The whole in one word, how it ended, the checkpoints one by one, and each success criterion at the last of them."""
    top = [summary.verdict(facts), summary.tiles(facts), summary.facts_line(facts), markup.doors(DOORS)]
    end = [heading("How it ended"), ending(facts), recovery(facts), looks(facts), criteria_at_last(facts)]
    return say.blocks(*top, *end)


def ending(facts: Facts) -> Html:
    """Outcome, when, by whom and why."""
    zone, ended = facts.deployment.zone, facts.deployment.closing
    if ended is None:
        return markup.callout("Not closed", OPEN)
    rows: list[tuple[str, object]] = [
        ("Outcome", ended.outcome.replace("_", " ").capitalize()),
        ("Closed", ended.at and markup.moment(wording.local_full(ended.at, zone, year=True), iso(ended.at))),
        ("By", ended.by or "not on record"),
        ("Because", ended.reason),
    ]
    return markup.facts_line(rows)


def recovery(facts: Facts) -> Html:
    """After a rollback: is everything as it was before the change?"""
    if not facts.recovery:
        return Html()
    window = wording.window_text(facts.recovery[0].now.window, facts.deployment.zone)
    return criteria_table(facts, f"After the rollback, {window}", facts.recovery)


def looks(facts: Facts) -> Html:
    """Every checkpoint with its word and its reason."""
    rows = [
        (wording.after_text(each.after), say.full(facts, each.due), each.reason, wording.word(each.verdict))
        for each in facts.checkpoints
    ]
    columns = [("Checkpoint", "head"), ("Time", "text"), ("In one sentence", "text"), ("Status", "status")]
    return markup.table("What happened at each checkpoint", columns, rows) if rows else Html()


def criteria_at_last(facts: Facts) -> Html:
    """The success criteria as they stood at the last checkpoint that was judged."""
    last = next((each for each in reversed(facts.checkpoints) if each.verdict.counts and each.metrics), None)
    if last is None:
        return Html()
    return criteria_table(facts, f"Success criteria at {wording.after_text(last.after)}", last.metrics)

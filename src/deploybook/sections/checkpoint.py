"""The variance report of one checkpoint: success criteria with their worst value, the change so far, the four checkpoints."""

from __future__ import annotations

from .. import wording
from ..facts import Facts
from ..model import Judgement
from . import markup, say
from .metrics import noticed, reasons, splits, with_worst_hour
from .plan import track
from .text import Html, heading

CRITERIA = [
    ("Criterion", "head"),
    ("Limit", "number"),
    ("Figure", "number"),
    ("Baseline", "number"),
    ("90 % interval", "text"),
    ("Looked at", "text"),
    ("Status", "status"),
    ("Evidence", "chip"),
]


def criteria(facts: Facts) -> str:
    """Each success criterion: limit, figure, what was looked at, status."""
    if not facts.metrics:
        return ""
    rows = [criterion(facts, each) for each in facts.metrics]
    caption = f"As of {wording.local_full(facts.as_of, facts.deployment.zone)}"
    blocks = [
        markup.table(caption, CRITERIA, rows),
        *map(str, splits(facts)),
        reasons(facts, facts.metrics),
        noticed(facts),
    ]
    return "\n\n".join(str(block) for block in blocks if block)


def criterion(facts: Facts, judgement: Judgement) -> list[object]:
    metric, now = judgement.metric, judgement.now
    return [
        metric.title,
        judgement.limit or "—",
        with_worst_hour(facts, judgement),
        say.value(facts, metric, judgement.baseline) if not metric.show_change else Html("—"),
        judgement.bound.rpartition("; ")[2] or say.doubt(judgement),
        wording.window_text(now.window, facts.deployment.zone),
        say.status(judgement),
        say.chip(facts, now.inputs, now.window),
    ]


def checkpoints(facts: Facts) -> str:
    """All checkpoints of the deployment, those not due as Pending."""
    return track(facts)


def window_again(facts: Facts) -> str:
    """What the deployment window itself gave, for a reader who comes by link."""
    if not facts.window_metrics:
        return ""
    rows = [
        (
            each.metric.title,
            say.headline(facts, each),
            say.delta(facts, each),
            say.status(each),
        )
        for each in facts.window_metrics
    ]
    columns = [("Metric", "head"), ("Value", "number"), ("Delta", "number"), ("Status", "status")]
    caption = f"The deployment window, {wording.window_text(facts.deployment.window, facts.deployment.zone)}"
    return heading("Deployment window", 3) + "\n\n" + markup.table(caption, columns, rows)

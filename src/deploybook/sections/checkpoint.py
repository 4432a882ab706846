"""The variance report of one checkpoint: success criteria with their worst value, the change so far, the four checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from .. import wording
from ..facts import Facts
from ..model import Judgement
from . import markup, say
from .metrics import behind_the_words, with_worst_hour
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
    caption = f"As of {wording.local_full(facts.as_of, facts.deployment.zone)}"
    return say.blocks(criteria_table(facts, caption, facts.metrics), behind_the_words(facts))


def criteria_table(facts: Facts, caption: str, judgements: Sequence[Judgement]) -> Html:
    return markup.table(caption, CRITERIA, [criterion(facts, each) for each in judgements])


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


def window_again(facts: Facts) -> str:
    """What the deployment window itself gave, for a reader who comes by link."""
    if not facts.window_metrics:
        return ""
    rows = [
        (each.metric.title, say.headline(facts, each), say.delta(facts, each), say.status(each))
        for each in facts.window_metrics
    ]
    columns = [("Metric", "head"), ("Value", "number"), ("Delta", "number"), ("Status", "status")]
    caption = f"The deployment window, {wording.window_text(facts.deployment.window, facts.deployment.zone)}"
    return say.blocks(heading("Deployment window", 3), markup.table(caption, columns, rows))

"""7. The observation after the window: checkpoints, success criteria, people's checks, the plan as written."""

from __future__ import annotations

from .. import wording
from ..facts import Facts
from ..model import CheckpointResult, Metric
from ..units import Limit
from . import markup, people, say


def plan(facts: Facts) -> str:
    if not facts.checkpoints and not facts.records.validation:
        return ""
    checks = people.table(facts, "checks", "Checks by people", "Check")
    written = markup.pairs([(label, say.line(facts, text)) for label, text in facts.records.validation])
    return say.blocks(track(facts), criteria_planned(facts), checks, written)


def track(facts: Facts) -> str:
    """The observation window from its opening to its last checkpoint."""
    if not facts.checkpoints:
        return ""
    deployment = facts.deployment
    stops = [
        markup.Stop(
            name="Open",
            at=wording.local_full(deployment.end, deployment.zone),
            note=f"observation of {wording.how_long(deployment.observation)} begins",
        )
    ]
    stops += [stop(facts, each) for each in facts.checkpoints]
    return markup.track(stops)


def stop(facts: Facts, result: CheckpointResult) -> markup.Stop:
    shown = next((each for each in result.metrics if each.metric.show_change and each.figure is not None), None)
    return markup.Stop(
        name=wording.after_text(result.after),
        at=wording.local_full(result.due, facts.deployment.zone),
        note=wording.percent(shown.figure) if shown and shown.figure is not None else "",
        word=wording.word(result.verdict),
    )


def criteria_planned(facts: Facts) -> str:
    success = facts.deployment.checkpoints.success
    if not success:
        return ""
    criteria = [(facts.deployment.metric(id), limit) for id, limit in success]
    rows = [(metric.title, limit.text, how(facts, metric, limit)) for metric, limit in criteria]
    columns = [("Criterion", "head"), ("Limit", "number"), ("Looked at", "text")]
    return markup.table("Success criteria", columns, rows)


def how(facts: Facts, metric: Metric, limit: Limit) -> str:
    if metric.kind == "counter":
        return "the worst sliding hour since the window closed"
    if metric.kind == "ratio" and limit.side != "both":
        return "all runs since the window closed"
    window = wording.how_long(facts.deployment.checkpoints.window)
    return f"the {window} before each checkpoint, against the same local time of the baseline day"

"""The looks after the window: success criteria at +1h, +12h …, and the gates at a named minute of the ramp."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..judge import judge_success, whole
from ..model import CheckpointResult, Data, Deployment, Gate, GateResult, Judgement, Metric, Verdict
from ..times import Window
from ..units import Limit
from .window import case_of, with_splits


def checkpoint(
    deployment: Deployment, data: Data, after: timedelta, as_of: datetime, now: datetime | None = None
) -> CheckpointResult:
    """
    The checkpoint as of its due time, whatever is known later; pending where that is after `as_of`.

    now: the clock, which may be further than the data.
    """
    due = deployment.due(after)
    if deployment.ended is not None and due > deployment.ended:
        reason = "The deployment had ended before this checkpoint was due."
        return CheckpointResult(after=after, due=due, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    if due > as_of:
        reason = "The data do not reach it yet." if now is not None and due <= now else "Not due yet."
        return CheckpointResult(after=after, due=due, verdict=Verdict.PENDING, reason=reason)
    criteria = [(deployment.metric(id), limit) for id, limit in deployment.checkpoints.success]
    judged = tuple(judge_criterion(deployment, data, metric, limit, after) for metric, limit in criteria)
    verdict, reason = whole(judged)
    return CheckpointResult(after=after, due=due, verdict=verdict, reason=reason, metrics=judged)


def judge_criterion(deployment: Deployment, data: Data, metric: Metric, limit: Limit, after: timedelta) -> Judgement:
    """
    One success criterion. Counts and ratios look at the observation so far; what is compared with the baseline, and
    gauges and quantiles, look at the hour before the checkpoint.
    """
    so_far = metric.kind in ("counter", "ratio") and limit.side != "both"
    window = deployment.since_end(after) if so_far else deployment.checkpoint_window(after)
    case = case_of(deployment, data, metric, window, compared=not so_far)
    judgement = judge_success(case, limit)
    judgement = with_splits(deployment, data, judgement) if case.baseline is not None else judgement
    # What a page shows as the threshold is what was asked here, not the target of the deployment window.
    return judgement if limit.side == "both" else replace(judgement, metric=replace(metric, target=limit))


def judge_gate(deployment: Deployment, data: Data, gate: Gate) -> GateResult:
    """A gate with what its few minutes can tell."""
    window = Window(start=gate.at - gate.window, end=gate.at)
    case = case_of(deployment, data, deployment.metric(gate.metric), window, health=False)
    return GateResult(name=gate.name, at=gate.at, judgement=judge_success(case, gate.limit))

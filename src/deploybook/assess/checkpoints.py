"""The looks after the window: success criteria at +1h, +12h …, and the gates at a named minute of the ramp."""

from __future__ import annotations

from datetime import datetime, timedelta

from .. import measure
from ..judge import judge_gate, judge_success, whole
from ..model import CheckpointResult, Data, Deployment, Gate, GateResult, Judgement, Metric, Verdict
from ..times import Window
from ..units import Limit
from .window import noise_window, sick_baseline, with_splits


def checkpoint(deployment: Deployment, data: Data, after: timedelta) -> CheckpointResult:
    """The checkpoint as of its due time, whatever is known later."""
    judged = tuple(
        judge_criterion(deployment, data, deployment.metric(id), limit, after)
        for id, limit in deployment.checkpoints.success
    )
    verdict, reason = whole(judged)
    return CheckpointResult(after=after, due=deployment.due(after), verdict=verdict, reason=reason, metrics=judged)


def judge_criterion(deployment: Deployment, data: Data, metric: Metric, limit: Limit, after: timedelta) -> Judgement:
    """
    One success criterion. Counts and ratios look at the observation so far; what is compared with the baseline, and
    gauges and quantiles, look at the hour before the checkpoint.
    """
    so_far = metric.kind in ("counter", "ratio") and limit.side != "both"
    window = deployment.since_end(after) if so_far else deployment.checkpoint_window(after)
    point = deployment.judge == "point"
    history = noise_window(deployment, data, metric)
    baseline = None if so_far else deployment.baseline_of(window)
    if baseline is None:
        now = measure.measure(metric, data, window, history=history)
        return judge_success(metric, limit, now, point=point, first_deployment=deployment.baseline is None)
    now, before, _, change = measure.compare(metric, data, window, baseline, history=history)
    healthy = sick_baseline(data, metric, before) is None
    judgement = judge_success(metric, limit, now, before, change, point=point, healthy_baseline=healthy)
    return with_splits(deployment, data, judgement) if not so_far else judgement


def pending(deployment: Deployment, after: timedelta, now: datetime | None) -> CheckpointResult:
    is_due = now is not None and deployment.due(after) <= now
    reason = "The data do not reach it yet." if is_due else "Not due yet."
    return CheckpointResult(after=after, due=deployment.due(after), verdict=Verdict.PENDING, reason=reason)


def not_applicable(deployment: Deployment, after: timedelta) -> bool:
    """True where the deployment was rolled back, aborted or postponed before the checkpoint was due."""
    return deployment.ended is not None and deployment.due(after) > deployment.ended


def gates(deployment: Deployment, data: Data) -> tuple[GateResult, ...]:
    """Each gate with what its few minutes can tell."""
    return tuple(judge_at(deployment, data, gate) for gate in deployment.gates)


def judge_at(deployment: Deployment, data: Data, gate: Gate) -> GateResult:
    metric = deployment.metric(gate.metric)
    window = Window(start=gate.at - gate.window, end=gate.at)
    baseline = deployment.baseline_of(window)
    point = deployment.judge == "point"
    if baseline is None:
        return judge_gate(gate, metric, measure.measure(metric, data, window), point=point)
    now, before, _, change = measure.compare(
        metric, data, window, baseline, history=noise_window(deployment, data, metric)
    )
    return judge_gate(gate, metric, now, before, change, point=point)

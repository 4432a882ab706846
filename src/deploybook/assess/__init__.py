"""
Out of a deployment and its data, the facts of a report: every metric, check-in, gate and checkpoint judged,
what was noticed beside it, and the whole. Pure: the same data give the same facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..facts import Facts
from ..judge import whole
from ..model import Data, Deployment, Entry, Judgement, Records
from ..times import from_ms, to_ms
from .checkpoints import checkpoint, judge_gate
from .figures import figures_of, resolve
from .notice import course, notice
from .window import judge_metrics, judge_one


def assess(
    deployment: Deployment,
    data: Data,
    *,
    after: timedelta | None = None,
    as_of: datetime | None = None,
    now: datetime | None = None,
    entries: Sequence[Entry] = (),
    records: Records | None = None,
    neighbours: Sequence[Deployment] = (),
) -> Facts:
    """
    The facts of the deployment window, or of the checkpoint `after`.

    as_of: the logical time; checkpoints due later are pending. None: as far as the data reach, but not
    beyond `now`.
    """
    until = data_until(deployment, data)
    clock = None  # what the page must not depend on where its time is given
    if after is not None:
        as_of = deployment.due(after)
    elif as_of is None:
        clock = now
        as_of = reached(deployment, until if now is None or until is None else min(until, now))
    window_metrics = judge_metrics(deployment, data)
    checkpoints = tuple(checkpoint(deployment, data, each, as_of, clock) for each in deployment.checkpoints.after)
    metrics = window_metrics
    if after is not None:
        this = next((each for each in checkpoints if each.after == after), None)
        metrics = (this or checkpoint(deployment, data, after, as_of)).metrics
    findings = notice(
        deployment,
        data,
        window_metrics=window_metrics,
        checkpoints=checkpoints,
        as_of=as_of,
        entries=entries,
        neighbours=neighbours,
    )
    closing, due = deployment.closing, [each for each in checkpoints if each.after != after and each.verdict.counts]
    outcome, why = (closing.outcome, closing.reason) if closing else (None, "")
    verdict, sentence = whole(metrics, due, findings, outcome, why, after=after)
    facts = Facts(
        deployment=deployment,
        as_of=as_of,
        after=after,
        verdict=verdict,
        sentence=sentence,
        metrics=metrics,
        window_metrics=window_metrics,
        gates=tuple(judge_gate(deployment, data, gate) for gate in deployment.gates),
        checkpoints=checkpoints,
        findings=tuple(findings),
        entries=tuple(entries),
        records=records or Records(),
        data_until=min(until, as_of) if until else None,
        recovery=recovered(deployment, data, as_of),
    )
    return resolve(figures_of(facts), data)


def recovered(deployment: Deployment, data: Data, as_of: datetime) -> tuple[Judgement, ...]:
    """Every metric in the time after a rollback, against the baseline again; () before that time is over."""
    window = deployment.recovery
    if window is None or window.end > as_of:
        return ()
    return tuple(judge_one(deployment, data, metric, window) for metric in deployment.metrics)


def data_until(deployment: Deployment, data: Data) -> datetime | None:
    """
    The time of the last sample of any metric, as far as the observation goes; None where there is none.

    Where the baseline lies after the change, its samples are no news of the change.
    """
    limit = deployment.observed.end + timedelta(minutes=2)
    if deployment.baseline and deployment.baseline.start >= deployment.end:
        limit = min(limit, deployment.baseline.start)
    found = [
        int(series.times[place - 1])
        for metric in deployment.metrics
        for name in (metric.id, *metric.names)
        if name in data.samples
        for series in data.samples[name].series
        if (place := int(series.times.searchsorted(to_ms(limit), side="right")))
    ]
    return from_ms(max(found)) if found else None


def reached(deployment: Deployment, until: datetime | None) -> datetime:
    """The last logical time that the data reach: the end of the window, or a checkpoint, give or take two minutes."""
    if until is None:
        return deployment.end
    slack = timedelta(minutes=2)
    due = [deployment.due(after) for after in deployment.checkpoints.after if deployment.due(after) <= until + slack]
    return max([deployment.end, *due])

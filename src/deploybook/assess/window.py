"""Every metric over the deployment window: its figure, its check-ins, its splits, the health of its baseline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from .. import measure
from ..findings import anomaly
from ..judge import judge_window
from ..model import Checkin, Data, Deployment, Judgement, Measurement, Metric
from ..times import Window, local_day, localise, steps
from ..units import Limit

ANOMALY_STEP = timedelta(minutes=5)
ANOMALY_REACH = timedelta(minutes=15)
DEFAULT_TOLERANCE = 0.05


def judge_metrics(deployment: Deployment, data: Data) -> tuple[Judgement, ...]:
    """One judgement a metric, in the order they were written."""
    return tuple(judge_metric(deployment, data, metric) for metric in deployment.metrics)


def judge_metric(deployment: Deployment, data: Data, metric: Metric) -> Judgement:
    looked = tuple(
        Checkin(at=span.end, judgement=judge_one(deployment, data, metric, span))
        for span in checkin_spans(deployment, metric)
    )
    judgement = judge_one(deployment, data, metric, deployment.window, checkins=looked)
    # Where check-ins do not decide the word they still inform.
    return with_splits(deployment, data, replace(judgement, checkins=looked))


def with_splits(deployment: Deployment, data: Data, judgement: Judgement) -> Judgement:
    metric = judgement.metric
    if not metric.by:
        return judgement
    parts = tuple(
        judge_one(deployment, data, metric, judgement.now.window, labels=dict(labels))
        for labels in measure.splits(metric, data, judgement.now.window)
    )
    return replace(judgement, by=parts) if len(parts) > 1 else judgement


def checkin_spans(deployment: Deployment, metric: Metric) -> list[Window]:
    """The 15 minutes (or as written) before each check-in, for the metrics that are looked at."""
    if metric.id not in deployment.checkins.metrics:
        return []
    every = deployment.checkins.every
    return [Window(start=max(deployment.window.start, at - every), end=at) for at in steps(deployment.window, every)]


def judge_one(
    deployment: Deployment,
    data: Data,
    metric: Metric,
    window: Window,
    *,
    labels: dict[str, str] | None = None,
    checkins: tuple[Checkin, ...] = (),
) -> Judgement:
    """The metric over one window, against the same local clock time of the baseline day."""
    baseline = deployment.baseline_of(window)
    point = deployment.judge == "point"
    history = noise_window(deployment)
    if baseline is None:
        now = measure.measure(metric, data, window, labels=labels, history=history)
        return judge_window(
            metric, now, None, None, point=point, first_deployment=True, checkins=checkins, zone=deployment.zone
        )
    now, before, _, change = measure.compare(metric, data, window, baseline, labels=labels, history=history)
    return judge_window(
        metric,
        now,
        before,
        change,
        point=point,
        checkins=checkins,
        zone=deployment.zone,
        healthy_baseline=labels is not None or sick_baseline(deployment, data, metric, before) is None,
    )


def noise_window(deployment: Deployment) -> Window | None:
    """The baseline's whole local day: where the noise of a series is learnt, if its samples reach that far."""
    day = deployment.baseline_day
    if day is None:
        return None
    start = localise(day, "00:00", deployment.zone)
    return Window(start=start, end=start + timedelta(hours=24))


def sick_baseline(
    deployment: Deployment, data: Data, metric: Metric, before: Measurement
) -> tuple[Window, float] | None:
    """
    The stretch in which the baseline of this metric was itself not normal, with how far off it was; None where it was.

    A sudden step of the metric in the baseline window or within 15 minutes of it; errors beyond the target or a
    ratio that misses it in the baseline window.
    """
    if before.value is None:
        return None
    if metric.kind in ("counter", "ratio"):
        return None if not metric.target or _met(metric.target, before) else (before.window, 0.0)
    reach = Window(start=before.window.start - ANOMALY_REACH, end=before.window.end + ANOMALY_REACH)
    times, values = measure.path(metric, data, reach, ANOMALY_STEP)
    found = anomaly(times, values, metric.tolerance.relative or DEFAULT_TOLERANCE)
    if found is None:
        return None
    start, end, distance = found
    return Window(start=start - ANOMALY_STEP, end=end), distance


def _met(target: Limit, measurement: Measurement) -> bool:
    held = measurement.worst_hour if target.per and measurement.worst_hour is not None else measurement.value
    return held is None or target.holds(held)


def day_of(deployment: Deployment, window: Window) -> str:
    return local_day(window.start, deployment.zone).isoformat()

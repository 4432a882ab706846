"""Every metric over the deployment window: its figure, its check-ins, its splits, the health of its baseline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from weakref import WeakKeyDictionary

from .. import measure
from ..findings import anomaly
from ..judge import Case, judge_window
from ..model import Checkin, Data, Deployment, Estimate, Judgement, Measurement, Metric
from ..times import Window, at_clock, on_day, steps
from ..units import Limit
from ..wording import value_text

ANOMALY_STEP = timedelta(minutes=5)
ANOMALY_REACH = timedelta(minutes=15)
DEFAULT_TOLERANCE = 0.05
EARLIER_DAYS = 28  # how far back the days before the change are compared with


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
    case = case_of(deployment, data, metric, window, labels=labels, health=labels is None)
    return judge_window(case, checkins=checkins, zone=deployment.zone)


def case_of(
    deployment: Deployment,
    data: Data,
    metric: Metric,
    window: Window,
    *,
    labels: dict[str, str] | None = None,
    compared: bool = True,
    health: bool = True,
) -> Case:
    """
    The figure over the window, the baseline's (None where there is none, or it is not to be compared), and the change
    with its doubt: over earlier days where the data hold enough of them, otherwise against the baseline alone.

    health: whether a baseline that was itself not normal counts against it.
    """
    now, before, change = measured(deployment, data, metric, window, labels, compared)
    return Case(
        metric,
        now,
        before,
        change,
        point=deployment.judge == "point",
        healthy_baseline=not health or before is None or sick_baseline(data, metric, before) is None,
        first_deployment=deployment.baseline is None,
    )


def measured(
    deployment: Deployment, data: Data, metric: Metric, window: Window, labels: dict[str, str] | None, compared: bool
) -> tuple[Measurement, Measurement | None, Estimate | None]:
    history = noise_window(deployment, data, metric)
    baseline = deployment.baseline_of(window) if compared else None
    if baseline is None:
        return measure.measure(metric, data, window, labels=labels, history=history), None, None
    now, before, _, change = measure.compare(metric, data, window, baseline, labels=labels, history=history)
    if change is not None and (metric.delta == "percent" or metric.show_change) and deployment.judge != "point":
        change = over_earlier_days(deployment, data, metric, now, labels) or change
    return now, before, change


def over_earlier_days(
    deployment: Deployment, data: Data, metric: Metric, now: Measurement, labels: dict[str, str] | None
) -> Estimate | None:
    """
    The relative change against the same local clock window of the days before the change, with the wobble between them.

    None where fewer than seven such days, of the last four weeks, were seen.
    """
    samples = measure.samples_of(metric, data, labels)
    if now.value is None or samples is None:
        return None
    first = min(int(series.times[0]) for series in samples.series if len(series.times))
    days = [on_day(now.window, deployment.zone, deployment.day - timedelta(days=back)) for back in range(EARLIER_DAYS)]
    windows = [day for day in days if day.end <= deployment.window.start and day.start_ms >= first]
    values = measure.earlier(metric, data, windows, labels=labels)
    change = measure.change_from_history(now.value, values)
    if change.blocked:
        return None
    middle = value_text(metric, now.value / (1 + change.value))
    return replace(change, against=f"{len(values)} earlier days ({middle} on average)")


def noise_window(deployment: Deployment, data: Data, metric: Metric) -> Window | None:
    """
    Where the noise of a series is learnt: the baseline's whole local day, as far as its samples reach.

    Without the part with an incident in the baseline, because that is no noise: the longer part beside it.
    """
    day = deployment.baseline_day
    if day is None or deployment.baseline is None:
        return None
    start = at_clock(day, "00:00", deployment.zone)
    whole = Window(start=start, end=start + timedelta(hours=24))
    sick = sudden_step(data, metric, deployment.baseline)
    if sick is None:
        return whole
    before, after = sick[0].start - whole.start, whole.end - sick[0].end
    return replace(whole, end=sick[0].start) if before > after else replace(whole, start=sick[0].end)


def sick_baseline(data: Data, metric: Metric, before: Measurement) -> tuple[Window, float] | None:
    """
    The stretch in which the baseline of this metric was itself not normal, with how far off it was; None where it was.

    A sudden step of the metric in the baseline window or within 15 minutes of it; errors beyond the target or a
    ratio that misses it in the baseline window.
    """
    if before.value is None:
        return None
    if metric.kind in ("counter", "ratio"):
        return None if not metric.target or _met(metric.target, before) else (before.window, 0.0)
    return sudden_step(data, metric, before.window)


_steps: WeakKeyDictionary[Data, dict[tuple[Metric, Window], tuple[Window, float] | None]] = WeakKeyDictionary()


def sudden_step(data: Data, metric: Metric, window: Window) -> tuple[Window, float] | None:
    """A sudden step of the metric in the window or within 15 minutes of it, found once for each Data."""
    known = _steps.setdefault(data, {})
    key = (replace(metric, show_change=False), window)
    if key not in known:
        reach = Window(start=window.start - ANOMALY_REACH, end=window.end + ANOMALY_REACH)
        times, values = measure.path(key[0], data, reach, ANOMALY_STEP)
        found = anomaly(times, values, tolerance_of(metric))
        known[key] = (Window(start=found[0] - ANOMALY_STEP, end=found[1]), found[2]) if found else None
    return known[key]


def _met(target: Limit, measurement: Measurement) -> bool:
    held = measurement.worst_hour if target.per and measurement.worst_hour is not None else measurement.value
    return held is None or target.holds(held)


def tolerance_of(metric: Metric) -> float:
    """The relative tolerance that findings go by, whether or not the metric is judged by one."""
    return metric.tolerance.relative or DEFAULT_TOLERANCE

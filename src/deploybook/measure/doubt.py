"""The doubt in a figure or in a change: which method of `uncertainty` a metric needs, and its answer in the page's unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..model import Data, Estimate, Interval, Measurement, Metric, Samples
from ..times import Window
from . import uncertainty
from .figure import Figure, Floats, Labels, Mask, gauge_rows, ground
from .growth import increments_on
from .prepared import prepared

# The standard error of a median over that of a mean, for a normal distribution: sqrt(pi / 2).
MEDIAN = 1.2533


def own(
    metric: Metric,
    data: Data,
    window: Window,
    plain: Figure,
    labels: Labels | None,
    history: Window | None,
    usable: Mask | None,
) -> Estimate | None:
    """The figure with its doubt, in the metric's unit; None where there is no figure, or a server worked it out."""
    if plain.value is None or metric.kind == "query":
        return None
    if metric.kind == "counter":
        return _scaled(uncertainty.own_count(plain.value, 1.0), metric.scale)
    if metric.kind == "ratio":
        assert plain.good is not None and plain.traffic is not None
        return uncertainty.own_ratio(plain.good, plain.traffic, scale=100.0 if metric.unit == "%" else metric.scale)
    if metric.kind == "gauge":
        samples, past = _gauge_rows(metric, data, window, history, labels)
        estimate = uncertainty.own_gauge(samples, history=past, step=_step(metric, data, labels), scale=metric.scale)
        return _of_statistic(metric, estimate, plain.value * metric.scale)
    added = increments_on(metric, data, window, labels, usable)
    past = increments_on(metric, data, history, labels, usable) if history else None
    if added is None:
        return None
    if metric.quantile is None:
        return uncertainty.own_mean(added, history=past, scale=metric.scale)
    return uncertainty.own_quantile(
        added, edges=_edges(metric, data, labels, usable), q=metric.quantile, history=past, scale=metric.scale
    )


def change(
    metric: Metric,
    data: Data,
    windows: tuple[Window, Window],
    figures: tuple[Measurement, Measurement],
    labels: Labels | None,
    history: Window | None,
    usable: Mask | None,
) -> Estimate | None:
    """
    The change from the second window to the first with its doubt: relative, in points or in the metric's unit, as
    metric.delta says (relative where the metric shows its change).
    """
    relative = metric.delta == "percent" or metric.show_change
    base = figures[1].value
    if metric.kind == "query" or base is None:
        return None
    if metric.kind == "gauge":
        return _change_of_gauge(metric, data, windows, figures, labels, history)
    now, before = (increments_on(metric, data, window, labels, usable) for window in windows)
    if now is None or before is None:
        return None
    if metric.kind == "counter":
        estimate = uncertainty.change_of_count(now, before, relative=relative)
        return estimate if relative else _scaled(estimate, metric.scale)
    if metric.kind == "ratio":
        estimate = uncertainty.change_of_ratio(now, before)
        if not relative:
            return estimate
        percent = base * (100.0 if metric.unit != "%" else 1.0)
        return replace(_scaled(estimate, 1 / percent), scale="relative") if percent else None
    past = increments_on(metric, data, history, labels, usable) if history else None
    if metric.quantile is None:
        estimate = uncertainty.change_of_mean(now, before, history=past)
    else:
        edges = _edges(metric, data, labels, usable)
        estimate = uncertainty.change_of_quantile(now, before, edges=edges, q=metric.quantile, history=past)
    # In the metric's unit: the relative interval times the baseline's figure.
    return estimate if relative else replace(_scaled(estimate, base), scale="value")


def _change_of_gauge(
    metric: Metric,
    data: Data,
    windows: tuple[Window, Window],
    figures: tuple[Measurement, Measurement],
    labels: Labels | None,
    history: Window | None,
) -> Estimate | None:
    relative = metric.delta == "percent" or metric.show_change
    now, past = _gauge_rows(metric, data, windows[0], history, labels)
    base, _ = _gauge_rows(metric, data, windows[1], None, labels)
    estimate = uncertainty.change_of_gauge(
        now, base, history=past, step=_step(metric, data, labels), difference=not relative, scale=metric.scale
    )
    first, second = figures[0].value, figures[1].value
    assert first is not None and second is not None
    if estimate.scale == "relative":
        return _of_statistic(metric, estimate, first / second - 1) if second else None
    estimate = _of_statistic(metric, estimate, first - second)
    return replace(estimate, scale="points") if metric.delta == "points" else estimate


def _of_statistic(metric: Metric, estimate: Estimate, value: float) -> Estimate:
    """The estimate of a mean made one of the metric's statistic; only mean and median have an interval."""
    if metric.statistic == "mean":
        return estimate
    if metric.statistic == "median":
        return replace(
            estimate,
            value=value,
            at90=_moved(estimate, estimate.at90, value),
            at95=_moved(estimate, estimate.at95, value),
        )
    blocked = f"no interval for the {metric.statistic} of a gauge"
    return Estimate(value=value, scale=estimate.scale, effective=estimate.effective, method="none", blocked=blocked)


def _moved(estimate: Estimate, interval: Interval | None, value: float) -> Interval | None:
    if interval is None:
        return None
    return Interval(
        low=value - MEDIAN * (estimate.value - interval.low), high=value + MEDIAN * (interval.high - estimate.value)
    )


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    def by(interval: Interval | None) -> Interval | None:
        if interval is None:
            return None
        low, high = sorted((interval.low * factor, interval.high * factor))
        return Interval(low=low, high=high)

    return replace(estimate, value=estimate.value * factor, at90=by(estimate.at90), at95=by(estimate.at95))


def _edges(metric: Metric, data: Data, labels: Labels | None, usable: Mask | None) -> tuple[float, ...]:
    samples = _samples(metric, data, labels)
    return samples.edges if usable is None else tuple(np.array(samples.edges)[usable].tolist())


def _samples(metric: Metric, data: Data, labels: Labels | None) -> Samples:
    samples = ground(metric, data, labels).samples
    assert samples is not None
    return samples


def _gauge_rows(
    metric: Metric, data: Data, window: Window, history: Window | None, labels: Labels | None
) -> tuple[Floats, Floats | None]:
    samples = _samples(metric, data, labels)
    return gauge_rows(samples, window), gauge_rows(samples, history) if history else None


def _step(metric: Metric, data: Data, labels: Labels | None) -> float:
    """Seconds between the rows of a gauge."""
    steps = np.concatenate([prepared(series).steps for series in _samples(metric, data, labels).series])
    return float(np.median(steps)) / 1000 if len(steps) else 0.0

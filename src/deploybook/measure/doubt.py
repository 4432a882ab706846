"""The doubt in a figure or in a change: the method of `uncertainty` that a metric needs, its answer in the page's unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..model import Estimate, Increments, Metric
from ..times import Window
from . import uncertainty
from .coverage import spans
from .figure import Figure, Floats, gauge_rows
from .grid import Mask, increments_of
from .ground import Ground

# The standard error of a median over that of a mean, for a normal distribution: sqrt(pi / 2).
MEDIAN = 1.2533


def scale_of(metric: Metric) -> float:
    """From the source's unit to the page's; a ratio is a share, and printed in percent where its unit says so."""
    return 100.0 if metric.kind == "ratio" and metric.unit == "%" else metric.scale


def own(base: Ground, window: Window, plain: Figure, history: Window | None, usable: Mask | None) -> Estimate | None:
    """
    The figure with its doubt, in the metric's unit: of a counter the events of such a window (exact Poisson).

    None where there is no figure, or a server worked it out.
    """
    metric, scale = base.metric, scale_of(base.metric)
    if plain.value is None or metric.kind == "query":
        return None
    if metric.kind == "counter":
        return scaled(uncertainty.own_count(plain.value, 1.0), scale)
    if metric.kind == "ratio":
        runs = increments_of(base, window)
        return uncertainty.own_ratio(plain.good or 0.0, plain.traffic or 0.0, window=runs, scale=scale)
    if metric.kind == "gauge":
        now, step = _even_rows(base, window)
        past = _even_rows(base, history)[0] if history else None
        estimate = uncertainty.own_gauge(now, history=past, step=step, scale=scale)
        return _of_statistic(metric, estimate, plain.value * scale)
    added, before = increments_of(base, window, usable), _history(base, history, usable)
    if added is None:
        return None
    if metric.quantile is None:
        return uncertainty.own_mean(added, history=before, scale=scale)
    return uncertainty.own_quantile(added, edges=_edges(base, usable), q=metric.quantile, history=before, scale=scale)


def change(
    base: Ground,
    windows: tuple[Window, Window],
    values: tuple[float, float],
    history: Window | None,
    usable: Mask | None,
) -> Estimate | None:
    """
    The change from the second window to the first with its doubt; values: their figures in the metric's unit.

    Relative where metric.delta is percent or the metric shows its change, otherwise in points or in its unit.
    """
    metric, scale = base.metric, scale_of(base.metric)
    relative = metric.delta == "percent" or metric.show_change
    if metric.kind == "gauge":
        return _change_of_gauge(base, windows, values, history, relative)
    now, before = (increments_of(base, window, usable) for window in windows)
    if now is None or before is None:
        return None
    if metric.kind == "counter":
        estimate = uncertainty.change_of_count(now, before, relative=relative)
        return estimate if relative else scaled(estimate, scale)
    if metric.kind == "ratio":
        points = uncertainty.change_of_ratio(now, before)
        if not relative:
            return points
        return replace(scaled(points, scale / 100 / values[1]), scale="relative") if values[1] else None
    past, q = _history(base, history, usable), metric.quantile
    if q is None:
        estimate = uncertainty.change_of_mean(now, before, history=past)
    else:
        estimate = uncertainty.change_of_quantile(now, before, edges=_edges(base, usable), q=q, history=past)
    # In the metric's unit: the relative interval times the baseline's figure, taken as it is.
    return estimate if relative else replace(scaled(estimate, values[1]), scale="value")


def _change_of_gauge(
    base: Ground, windows: tuple[Window, Window], values: tuple[float, float], history: Window | None, relative: bool
) -> Estimate | None:
    (now, step), (before, _) = (_even_rows(base, window) for window in windows)
    past = _even_rows(base, history)[0] if history else None
    estimate = uncertainty.change_of_gauge(
        now, before, history=past, step=step, difference=not relative, scale=scale_of(base.metric)
    )
    if estimate.scale == "relative":
        return _of_statistic(base.metric, estimate, values[0] / values[1] - 1) if values[1] else None
    estimate = _of_statistic(base.metric, estimate, values[0] - values[1])
    return replace(estimate, scale="points") if base.metric.delta == "points" else estimate


def _of_statistic(metric: Metric, estimate: Estimate, value: float) -> Estimate:
    """The estimate of a gauge's mean made one of its statistic; only mean and median have an interval."""
    if metric.statistic == "mean":
        return estimate
    if metric.statistic != "median":
        blocked = f"no interval for the {metric.statistic} of a gauge"
        return replace(estimate, value=value, at90=None, at95=None, at98=None, method="", blocked=blocked)

    middle = estimate.value
    return estimate.mapped(lambda end: value + MEDIAN * (end - middle))


def scaled(estimate: Estimate, factor: float) -> Estimate:
    return estimate.mapped(lambda end: end * factor)


def _history(base: Ground, window: Window | None, usable: Mask | None) -> Increments | None:
    """The increments of a longer stretch; None where it does not have the buckets all along."""
    past = increments_of(base, window, usable) if window else None
    if past is None or past.buckets is None or base.metric.quantile is None:
        return past
    return None if np.isnan(past.buckets).any() else past


def _edges(base: Ground, usable: Mask | None) -> tuple[float, ...]:
    edges = base.samples.edges if base.samples else ()
    return edges if usable is None else tuple(edge for edge, kept in zip(edges, usable, strict=True) if kept)


def _even_rows(base: Ground, window: Window) -> tuple[Floats, float]:
    """(values, seconds between them) of a gauge, series with rows at the same time averaged."""
    many = [one for one in spans(base.samples, window) if one.found] if base.samples else []
    if not many:
        return np.zeros(0), 0.0
    times, values = gauge_rows(many)
    if len(many) > 1:
        times, place, count = np.unique(times, return_inverse=True, return_counts=True)
        values = np.bincount(place, weights=values) / count
    seconds = (window.end - window.start).total_seconds()
    return values, seconds / len(values)

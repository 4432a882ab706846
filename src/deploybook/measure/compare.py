"""Figures as they travel: in the page's unit, with coverage and doubt; one compared with another; many in a row."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from ..model import Data, Delta, Estimate, Measurement, Metric
from ..times import Window, steps, to_ms
from . import doubt, grid
from .figure import Figure, Labels, Mask, figure, ground, usable_edges
from .growth import increments
from .prepared import prepared


def scale_of(metric: Metric) -> float:
    """From the source's unit to the page's; a ratio is a share, and printed in percent where its unit says so."""
    return 100.0 if metric.kind == "ratio" and metric.unit == "%" else metric.scale


def measure(
    metric: Metric, data: Data, window: Window, *, labels: Labels | None = None, history: Window | None = None
) -> Measurement:
    """
    The metric over the window, in its unit; value None, and a sentence in `missing`, where there is none.

    labels: one split of it. history: a longer stretch of the same series, for its noise. Of a metric that shows its
    change this is the statistic behind it, not the change.
    """
    plain = figure(metric, data, window, labels)
    usable = usable_edges(metric, data, window, labels)
    return _dressed(
        metric, data, window, labels, plain, doubt.own(metric, data, window, plain, labels, history, usable)
    )


def compare(
    metric: Metric,
    data: Data,
    now: Window,
    baseline: Window,
    *,
    labels: Labels | None = None,
    history: Window | None = None,
) -> tuple[Measurement, Measurement, Delta, Estimate | None]:
    """
    Both figures, their difference, and the doubt in it (None where either figure is missing).

    Quantiles are read off the bucket edges that both windows have throughout; where those are too few, each is read
    off its own and there is no difference. The baseline's own doubt is not worked out.
    """
    common, comparable = _common_edges(metric, data, now, baseline, labels)
    figures = tuple(figure(metric, data, window, labels, common) for window in (now, baseline))
    first, second = figures
    edges = common if common is not None else usable_edges(metric, data, now, labels)
    measured = _dressed(metric, data, now, labels, first, doubt.own(metric, data, now, first, labels, history, edges))
    base = _dressed(metric, data, baseline, labels, second, None)
    if measured.value is None or base.value is None or not comparable:
        return measured, base, Delta(), None
    difference = measured.value - base.value
    delta = Delta(absolute=difference, relative=difference / base.value if base.value else None)
    change = doubt.change(metric, data, (now, baseline), (measured, base), labels, history, common)
    return measured, base, delta, change


def _common_edges(
    metric: Metric, data: Data, now: Window, baseline: Window, labels: Labels | None
) -> tuple[Mask | None, bool]:
    """(the buckets both windows have, whether they suffice); None without a quantile or with too few of them."""
    if metric.kind != "histogram" or metric.quantile is None:
        return None, True
    first, second = (usable_edges(metric, data, window, labels) for window in (now, baseline))
    if first is None or second is None:
        return None, True
    common: Mask = first & second
    return (common, True) if common[-1] and common.sum() > 1 else (None, False)


def _dressed(
    metric: Metric, data: Data, window: Window, labels: Labels | None, plain: Figure, own: Estimate | None
) -> Measurement:
    scale = scale_of(metric)
    worst = None
    if metric.kind == "counter" and plain.value is not None and window.hours >= 1:
        added = increments(metric, data, window, labels)
        worst = None if added is None else grid.worst_hour(added, window)[0] * scale
    return Measurement(
        metric=metric.id,
        window=window,
        value=None if plain.value is None else plain.value * scale,
        unit=metric.unit,
        coverage=plain.coverage,
        missing=plain.missing,
        own=own,
        bracket=(plain.bracket[0] * scale, plain.bracket[1] * scale) if plain.bracket else None,
        worst_hour=worst,
        traffic=plain.traffic,
        good=plain.good,
        total=plain.traffic if metric.kind == "ratio" else None,
        labels=tuple(sorted((labels or {}).items())),
        arithmetic=metric.arithmetic,
        inputs=ground(metric, data, labels).inputs,
    )


def splits(metric: Metric, data: Data, window: Window) -> list[dict[str, str]]:
    """The label sets that `by` cuts the metric into, of series with a row in the window, sorted; [] without `by`."""
    samples = ground(metric, data).samples
    if samples is None or not metric.by:
        return []
    found = set()
    for series in samples.series:
        times = prepared(series).times
        low, high = np.searchsorted(times, [window.start_ms, window.end_ms], side="right")
        if high > low:
            found.add(tuple((name, series.labels.get(name, "")) for name in metric.by))
    return [dict(labels) for labels in sorted(found)]


def path(
    metric: Metric, data: Data, window: Window, every: timedelta, *, baseline: Window | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """
    (times_ms, values): the figure over each `every` of the window one after the other, at the end of each.

    In the metric's unit; of a metric that shows its change the relative change (a fraction) against the stretch as
    far into `baseline`. NaN where nothing was measured.
    """
    ends = list(steps(window, every))
    scale = scale_of(metric)
    times, values = [], []
    for start, end in zip([window.start, *ends], ends, strict=False):
        value = _value(metric, data, Window(start=start, end=end))
        if metric.show_change and baseline is not None:
            back = baseline.start - window.start
            other = _value(metric, data, Window(start=start + back, end=end + back))
            value = value / other - 1 if other else np.nan
        else:
            value *= scale
        times.append(to_ms(end))
        values.append(value)
    return np.array(times, dtype=np.int64), np.array(values, dtype=np.float64)


def _value(metric: Metric, data: Data, window: Window) -> float:
    value = figure(metric, data, window).value
    return np.nan if value is None else value

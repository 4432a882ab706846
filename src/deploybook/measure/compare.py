"""Figures as they travel: in the page's unit, with coverage and doubt; one compared with another; many in a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from ..model import Data, Delta, Estimate, Measurement, Metric
from ..times import Window, steps, to_ms
from . import doubt
from .figure import Figure, figure, figures, usable_edges
from .grid import Mask, increments_of, worst_hour
from .ground import Ground, Labels, ground
from .prepared import ready

WELL_SEEN = 0.95


def measure(
    metric: Metric, data: Data, window: Window, *, labels: Labels | None = None, history: Window | None = None
) -> Measurement:
    """
    The metric over the window, in its unit; value None, and a sentence in `missing`, where there is none.

    labels: one split of it. history: a longer stretch of the same series, for its noise. Of a metric that shows its
    change this is the statistic behind it, not the change.
    """
    base = ground(metric, data, labels)
    plain, usable = figure(base, window), usable_edges(base, window)
    return _dressed(base, window, plain, doubt.own(base, window, plain, history, usable))


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
    Both figures, their difference, and the doubt in it (None where a figure is missing, or a server worked it out).

    Quantiles are read off the bucket edges that both windows have throughout; where those are too few, each is read
    off its own and there is no difference. The baseline's own doubt is not worked out.
    """
    base = ground(metric, data, labels)
    common, comparable = _common_edges(base, now, baseline)
    first, second = (figure(base, window, common) for window in (now, baseline))
    edges = usable_edges(base, now) if common is None else common
    measured = _dressed(base, now, first, doubt.own(base, now, first, history, edges))
    before = _dressed(base, baseline, second, None)
    if measured.value is None or before.value is None or not comparable:
        return measured, before, Delta(), None
    difference = measured.value - before.value
    delta = Delta(absolute=difference, relative=difference / before.value if before.value else None)
    if metric.kind == "query":
        return measured, before, delta, None
    return measured, before, delta, doubt.change(base, (now, baseline), (measured.value, before.value), history, common)


def earlier(metric: Metric, data: Data, windows: Sequence[Window], *, labels: Labels | None = None) -> list[float]:
    """The figures, in the metric's unit, of those windows of which at least 95 % was seen."""
    base, scale = ground(metric, data, labels), doubt.scale_of(metric)
    plain = [figure(base, window) for window in windows]
    return [one.value * scale for one in plain if one.value is not None and one.coverage.seen >= WELL_SEEN]


def _common_edges(base: Ground, now: Window, baseline: Window) -> tuple[Mask | None, bool]:
    """(the buckets that both windows have, whether they suffice); None where there is no quantile or too few."""
    first, second = usable_edges(base, now), usable_edges(base, baseline)
    if first is None or second is None:
        return None, True
    common: Mask = first & second
    return (common, True) if common[-1] and common.sum() > 1 else (None, False)


def _dressed(base: Ground, window: Window, plain: Figure, own: Estimate | None) -> Measurement:
    metric, scale = base.metric, doubt.scale_of(base.metric)
    worst = None
    if metric.kind == "counter" and plain.value is not None and window.hours >= 1:
        added = increments_of(base, window)
        worst = worst_hour(added, window)[0] * scale if added else None
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
        labels=base.labels,
        arithmetic=metric.arithmetic,
        inputs=base.inputs,
    )


def splits(metric: Metric, data: Data, window: Window) -> list[dict[str, str]]:
    """The label sets that `by` cuts the metric into, of series with a row in the window, sorted; [] without `by`."""
    samples = ground(metric, data).samples
    if samples is None or not metric.by:
        return []
    found = set()
    for series, rows in zip(samples.series, ready(samples), strict=True):
        low, high = np.searchsorted(rows.times, [window.start_ms, window.end_ms], side="right")
        if high > low:
            found.add(tuple((name, series.labels.get(name, "")) for name in metric.by))
    return [dict(labels) for labels in sorted(found)]


def path(
    metric: Metric, data: Data, window: Window, every: timedelta, *, labels: Labels | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """
    (times_ms, values): the figure over each `every` of the window one after the other, at the end of each.

    In the metric's unit, of a metric that shows its change the statistic behind it. NaN where nothing was measured.
    """
    ends = list(steps(window, every))
    values = figures(ground(metric, data, labels), list(zip([window.start, *ends], ends, strict=False)))
    return np.array([to_ms(end) for end in ends], dtype=np.int64), values * doubt.scale_of(metric)

"""The increments of a metric, as its noise is estimated from them."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Data, Increments, Metric
from ..times import Window
from . import grid
from .coverage import Span, spans
from .figure import Labels, Mask, ground

Floats = NDArray[np.float64]
KEPT = 64

_kept: WeakKeyDictionary[Data, dict[tuple[object, ...], Increments | None]] = WeakKeyDictionary()


def increments_on(
    metric: Metric, data: Data, window: Window, labels: Labels | None = None, usable: Mask | None = None
) -> Increments | None:
    """increments, kept for the next asker: the same history stands behind many figures. usable: buckets to keep."""
    known = _kept.setdefault(data, {})
    key = (metric, window, tuple(sorted((labels or {}).items())), None if usable is None else usable.tobytes())
    if key not in known:
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        known[key] = _increments(metric, data, window, labels, usable)
    return known[key]


def increments(metric: Metric, data: Data, window: Window, labels: Labels | None = None) -> Increments | None:
    """
    What was added per scrape, None where nothing was measured or the metric is no counter.

    Counters and ratios at every row's own time; histograms on an even grid (see grid.even), a bucket that some scrape
    does not have being NaN there.
    """
    return increments_on(metric, data, window, labels)


def _increments(
    metric: Metric, data: Data, window: Window, labels: Labels | None, usable: Mask | None
) -> Increments | None:
    base = ground(metric, data, labels)
    if metric.kind in ("gauge", "query") or base.samples is None:
        return None
    many = [one for one in spans(base.samples, window) if one.found]
    if not many:
        return None
    if metric.kind == "histogram":
        return _of_buckets(many, len(base.samples.edges) + 2, window, usable)
    ends, added = grid.exact(many, 1)
    good = None
    if metric.kind == "ratio" and base.good is not None:
        good = _on(ends, [one for one in spans(base.good, window) if one.found])
    return Increments(ends_ms=ends, seconds=grid.seconds_of(ends, many, window), counts=added[:, 0], good=good)


def _on(ends: NDArray[np.int64], many: list[Span]) -> Floats:
    """(n,) what was added, put at the next of the given ends."""
    added = np.zeros(len(ends))
    for one in many:
        at, more = grid.per_row(one)
        np.add.at(added, np.minimum(np.searchsorted(ends, at), len(ends) - 1), more[:, 0])
    return added


def _of_buckets(many: list[Span], columns: int, window: Window, usable: Mask | None) -> Increments:
    ends, added = grid.even(many, columns, window)
    counts = np.where(np.isnan(added[:, -1]), added[:, -3], added[:, -1])
    cumulative = added[:, :-2] if usable is None else added[:, :-2][:, usable]
    return Increments(
        ends_ms=ends,
        seconds=grid.seconds_of(ends, many, window),
        counts=counts,
        sums=added[:, -2],
        buckets=np.diff(cumulative, axis=1, prepend=0.0),
    )

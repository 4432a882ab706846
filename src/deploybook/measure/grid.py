"""What was added per scrape inside a window, summed over series on one grid of times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Data, Increments, Metric, Samples
from ..times import Window, from_ms
from .coverage import Span, spans
from .ground import Ground, Labels, ground
from .prepared import ready

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
HOUR_MS = 3_600_000
KEPT = 16

_kept: WeakKeyDictionary[Ground, dict[tuple[object, ...], Increments | None]] = WeakKeyDictionary()


def increments(metric: Metric, data: Data, window: Window, labels: Labels | None = None) -> Increments | None:
    """
    What was added per scrape, None where nothing was measured or the metric is no counter.

    Counters and ratios at every row's own time; histograms on an even grid (see even), a bucket that some scrape
    does not have being NaN there.
    """
    return increments_of(ground(metric, data, labels), window)


def increments_of(base: Ground, window: Window, usable: Mask | None = None) -> Increments | None:
    """The same, with the buckets that are usable only; the last few are kept: one history stands behind many figures."""
    known = _kept.setdefault(base, {})
    key = (window, None if usable is None else usable.tobytes())
    if key not in known:
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        known[key] = _increments(base, window, usable)
    return known[key]


def _increments(base: Ground, window: Window, usable: Mask | None) -> Increments | None:
    if base.metric.kind in ("gauge", "query") or base.samples is None:
        return None
    many = [one for one in spans(base.samples, window) if one.found]
    if not many:
        return None
    if base.metric.kind == "histogram":
        return _of_buckets(many, base.columns, window, usable)
    ends, added = summed(many, [ends_of(one) for one in many], 1)
    good = _at(ends, spans(base.good, window)) if base.metric.kind == "ratio" and base.good else None
    return Increments(ends_ms=ends, seconds=seconds_of(ends, many, window), counts=added[:, 0], good=good)


def _at(ends: NDArray[np.int64], many: list[Span]) -> Floats:
    """(n,) what was added, put at the next of the given ends."""
    added = np.zeros(len(ends))
    for one in many:
        at = np.minimum(np.searchsorted(ends, ends_of(one)), len(ends) - 1)
        np.add.at(added, at, one.rows.each(one.low, one.high)[:, 0])
    return added


def _of_buckets(many: list[Span], columns: int, window: Window, usable: Mask | None) -> Increments:
    ends, added = even(many, columns, window)
    counts = np.where(np.isnan(added[:, -1]), added[:, -3], added[:, -1])
    cumulative = added[:, :-2] if usable is None else added[:, :-2][:, usable]
    return Increments(
        ends_ms=ends,
        seconds=seconds_of(ends, many, window),
        counts=counts,
        sums=added[:, -2],
        buckets=np.diff(cumulative, axis=1, prepend=0.0),
    )


def total(many: Sequence[Span], columns: int) -> Floats:
    """(columns,) what was added inside the window, over all series; NaN in a column that one of them does not have."""
    return sum((one.rows.added(one.low, one.high) for one in many), np.zeros(columns))


def totals(samples: Samples, starts: Ints, ends: Ints, columns: int) -> tuple[Mask, Floats]:
    """((n,) whether some series has a row there, (n, columns) `total`) of n windows at once."""
    found, added = np.zeros(len(starts), dtype=bool), np.zeros((len(starts), columns))
    for rows in ready(samples):
        if len(rows.times):
            low, high = rows.state(starts), rows.state(ends)
            low += ~rows.fresh(low, starts)
            there = high > low
            found |= there
            added[there] += rows.added(low[there], high[there])
    return found, added


def ends_of(one: Span) -> Ints:
    """(n,) the times of a series' increments inside the window."""
    return one.rows.times[one.low + 1 : one.high + 1]


def even(many: Sequence[Span], columns: int, window: Window) -> tuple[Ints, Floats]:
    """
    (ends, added) on one even grid: for noise and memory, which need samples of one length.

    The grid's step is the coarsest that holds for a twentieth of the time or more. Series are scraped at offsets of
    their own: the k-th step of each belongs together.
    """
    step = _common_step(many)

    def place(ends: Ints) -> Ints:
        first = np.ceil((ends[0] - window.start_ms) / step - 1e-9)
        # A scrape that comes a tenth of a step late still closes its own step.
        places: Ints = (first + np.ceil((ends - ends[0]) / step - 0.1)).astype(np.int64)
        return places

    keys = [place(ends_of(one)) for one in many]
    places, added = summed(many, keys, columns)
    ends = np.zeros(len(places), dtype=np.int64)
    for one, key in zip(many, keys, strict=True):
        np.maximum.at(ends, np.searchsorted(places, key), ends_of(one))
    return ends, added


def summed(many: Sequence[Span], keys: Sequence[Ints], columns: int) -> tuple[Ints, Floats]:
    """(all keys once, ascending; what was added at each); keys: of each series one for each increment, not falling."""
    places = np.unique(np.concatenate(keys))
    added = np.zeros((len(places), columns))
    for one, key in zip(many, keys, strict=True):
        at = np.searchsorted(places, key)
        if (np.diff(key) > 0).all():
            added[at] += one.rows.each(one.low, one.high)
        else:  # two rows of one step: many times slower
            np.add.at(added, at, one.rows.each(one.low, one.high))
    return places, added


def _common_step(many: Sequence[Span]) -> int:
    steps = np.concatenate([one.rows.steps[one.low + 1 : one.high + 1] for one in many])
    sizes, counts = np.unique(steps, return_counts=True)
    weight = sizes * counts
    return max(1, int(sizes[weight >= weight.sum() / 20].max()))


def seconds_of(ends: Ints, many: Sequence[Span], window: Window) -> Floats:
    """Time from each end back to the one before; the first reaches back to the window's start or the first state."""
    first = min(int(one.rows.times[one.low]) for one in many if one.found)
    return np.diff(ends, prepend=min(max(first, window.start_ms), int(ends[0]))) / 1000


def worst_hour(increments: Increments, window: Window) -> tuple[float, datetime]:
    """
    The largest increase over any (s, s + 1 h] wholly inside the window, s its start or a row's time, and that s.

    The earliest of several. A window shorter than an hour gives its count, from its start.
    """
    summed = np.concatenate([[0.0], np.cumsum(increments.counts)])
    if window.end_ms - window.start_ms < HOUR_MS:
        return float(summed[-1]), window.start
    starts = np.concatenate([[window.start_ms], increments.ends_ms])
    starts = starts[(starts >= window.start_ms) & (starts + HOUR_MS <= window.end_ms)]
    after = np.searchsorted(increments.ends_ms, [starts, starts + HOUR_MS], side="right")
    inside = summed[after[1]] - summed[after[0]]
    place = int(np.argmax(inside))
    return float(inside[place]), from_ms(int(starts[place]))

"""What was added per scrape inside a window, summed over series on one grid of times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Data, Increments, Metric
from ..times import Window, from_ms
from .coverage import Span, spans
from .ground import Ground, Labels, ground

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
    ends, added = exact(many, 1)
    good = _at(ends, spans(base.good, window)) if base.metric.kind == "ratio" and base.good else None
    return Increments(ends_ms=ends, seconds=seconds_of(ends, many, window), counts=added[:, 0], good=good)


def _at(ends: NDArray[np.int64], many: list[Span]) -> Floats:
    """(n,) what was added, put at the next of the given ends."""
    added = np.zeros(len(ends))
    for one in many:
        at, more = per_row(one)
        np.add.at(added, np.minimum(np.searchsorted(ends, at), len(ends) - 1), more[:, 0])
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
    added = np.zeros(columns)
    for one in many:
        added += one.rows.added[one.high] - one.rows.added[one.low]
        if one.rows.unknown is not None:
            added[one.rows.unknown[one.high] > one.rows.unknown[one.low]] = np.nan
    return added


def per_row(one: Span) -> tuple[Ints, Floats]:
    """(ends (n,), added (n, k)) of one series inside the window."""
    rows = slice(one.low + 1, one.high + 1)
    added = np.diff(one.rows.added[one.low : one.high + 1], axis=0)
    if one.rows.unknown is not None:
        added[np.diff(one.rows.unknown[one.low : one.high + 1], axis=0) > 0] = np.nan
    return one.rows.times[rows], added


def exact(many: Sequence[Span], columns: int) -> tuple[Ints, Floats]:
    """(ends, added) at every time at which some series has a row: for events, whose minute matters."""
    parts = [per_row(one) for one in many]
    ends, place = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    added = np.zeros((len(ends), columns))
    np.add.at(added, place, np.concatenate([part[1] for part in parts]))
    return ends, added


def even(many: Sequence[Span], columns: int, window: Window) -> tuple[Ints, Floats]:
    """
    (ends, added) on one even grid: for noise and memory, which need samples of one length.

    The grid's step is the coarsest that holds for a twentieth of the time or more. Series are scraped at offsets of
    their own: the k-th step of each belongs together.
    """
    step = _common_step(many)
    keys, lasts, parts = [], [], []
    for one in many:
        ends, added = per_row(one)
        if not len(ends):
            continue
        first = np.ceil((ends[0] - window.start_ms) / step - 1e-9)
        # A scrape that comes a tenth of a step late still closes its own step.
        keys.append(first + np.ceil((ends - ends[0]) / step - 0.1))
        lasts.append(ends)
        parts.append(added)
    places, place = np.unique(np.concatenate(keys).astype(np.int64), return_inverse=True)
    added = np.zeros((len(places), columns))
    np.add.at(added, place, np.concatenate(parts))
    ends = np.zeros(len(places), dtype=np.int64)
    np.maximum.at(ends, place, np.concatenate(lasts))
    return ends, added


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

"""A series made ready to be asked about any window: prefix sums, resets, gaps; each question costs two look-ups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Matcher, Samples, Series

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A row stands for its time until one and a half steps later; an increment longer than that is a gap.
FRESH = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """
    One series of n rows and k columns (1, or a histogram's edges + 2).

    steps: (n,) milliseconds, never 0 where two rows tell. added: (n, k) what was added since the first row, resets
    added back. unknown: (n, k) increments up to the row that have no number (another bucket layout).
    gap_ms, lost: (n,) length of the gaps before the row, and of the rows missing in them.
    drops: rows at which the counter had started again.
    """

    times: Ints
    values: Floats
    steps: Ints
    added: Floats
    unknown: Ints | None
    gap_ms: Ints
    lost: Ints
    drops: Ints

    def state(self, at_ms: int) -> int:
        """The row that holds the state at a time: the last at or before it, however old; -1 where there is none."""
        return int(np.searchsorted(self.times, at_ms, side="right")) - 1

    def fresh(self, row: int, at_ms: int) -> bool:
        return row >= 0 and at_ms - self.times[row] <= FRESH * self.steps[row]


_ready: WeakKeyDictionary[Series, Prepared] = WeakKeyDictionary()
_selected: WeakKeyDictionary[Samples, dict[tuple[Matcher, ...], Samples]] = WeakKeyDictionary()


def prepared(series: Series) -> Prepared:
    """The series made ready, once per object."""
    if (known := _ready.get(series)) is None:
        known = _ready[series] = _prepare(series)
    return known


def _prepare(series: Series) -> Prepared:
    values = series.values if series.values.ndim == 2 else series.values[:, None]
    times, steps = series.times, series.steps
    # Of a histogram, the sum may fall when something negative was observed; it says nothing about a restart.
    counting = np.delete(values, -2, axis=1) if values.shape[1] > 1 else values
    with np.errstate(invalid="ignore"):
        usable = ~(counting < 0).any(axis=1) & ~np.isnan(values).all(axis=1)
    if not usable.all():
        times, values, counting, steps = times[usable], values[usable], counting[usable], steps[usable]
    steps = _steps(times, steps)
    fell = (counting[1:] < counting[:-1]).any(axis=1)
    change = np.where(fell[:, None], values[1:], np.diff(values, axis=0))
    unknown = np.isnan(change)
    lengths = np.diff(times)
    longest = np.maximum(steps[1:], steps[:-1])
    gap = lengths > FRESH * longest
    lost = np.where(gap, np.rint(lengths / np.maximum(longest, 1)) - 1, 0).astype(np.int64)
    return Prepared(
        times=times,
        values=values,
        steps=steps,
        added=_sums(np.where(unknown, 0.0, change)),
        unknown=_sums(unknown.astype(np.int64)) if unknown.any() else None,
        gap_ms=_sums(np.where(gap, lengths, 0)),
        lost=_sums(lost),
        drops=np.flatnonzero(fell) + 1,
    )


def _sums(change):  # type: ignore[no-untyped-def]
    return np.concatenate([np.zeros_like(change, shape=(1, *change.shape[1:])), np.cumsum(change, axis=0)])


def _steps(times: Ints, steps: Ints) -> Ints:
    """
    Steps without a 0: what rows of an unknown step have between them stands in.

    A row that two files share may carry the step of the coarser; between finer rows it counts as finer.
    """
    if len(times) > 1 and not steps.all():
        steps = np.where(steps > 0, steps, np.int64(np.median(np.diff(times))))
    if len(times) > 2:
        steps = np.concatenate([steps[:1], np.minimum(steps[1:-1], np.maximum(steps[:-2], steps[2:])), steps[-1:]])
    return steps


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """One label condition; a label that is not there is '', a regular expression matches the whole value."""
    value = labels.get(matcher.label, "")
    if matcher.op in ("=", "!="):
        return (value == matcher.value) is (matcher.op == "=")
    return (re.fullmatch(matcher.value, value, re.DOTALL) is not None) is (matcher.op == "=~")


def select(samples: Samples, where: tuple[Matcher, ...]) -> Samples:
    """The series that match every condition, once per object; the same Samples without a condition."""
    if not where:
        return samples
    known = _selected.setdefault(samples, {})
    if where not in known:
        kept = tuple(series for series in samples.series if all(matches(one, series.labels) for one in where))
        known[where] = replace(samples, series=kept)
    return known[where]


def joined(many: Sequence[Samples]) -> Samples | None:
    """
    Samples of several names of one metric as one: the first name's rows win where two have the same time.

    Histograms get every edge that one of them has; NaN where a row does not have it.
    """
    if len(many) < 2:
        return many[0] if many else None
    edges = tuple(sorted({edge for samples in many for edge in samples.edges}))
    parts: dict[tuple[tuple[str, str], ...], list[Series]] = {}
    for samples in many:
        for series in samples.series:
            parts.setdefault(tuple(sorted(series.labels.items())), []).append(_widened(series, samples.edges, edges))
    return replace(
        many[0],
        edges=edges,
        series=tuple(_continued(parts[labels]) for labels in sorted(parts)),
        inputs=tuple(sorted({digest for samples in many for digest in samples.inputs})),
    )


def _widened(series: Series, has: tuple[float, ...], edges: tuple[float, ...]) -> Series:
    if has == edges:
        return series
    values = np.full((len(series.times), len(edges) + 2), np.nan)
    values[:, [edges.index(edge) for edge in has] + [-2, -1]] = series.values
    return replace(series, values=values)


def _continued(parts: list[Series]) -> Series:
    if len(parts) == 1:
        return parts[0]
    times, first = np.unique(np.concatenate([part.times for part in parts]), return_index=True)
    values = np.concatenate([part.values for part in parts])[first]
    steps = np.concatenate([part.steps for part in parts])[first]
    return Series(labels=parts[0].labels, times=times, values=values, steps=steps)

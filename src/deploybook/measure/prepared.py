"""A series made ready to be asked about any window: resets, gaps; each question costs two look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Samples, Series
from ..model.series import Kind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)
At = Any  # one time or row, or an array of them
Row = Any

# A row stands for its time until one and a half steps later; an increment longer than that is a gap.
FRESH = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """
    One series of n rows and k columns (1, or a histogram's edges + 2).

    steps: (n,) milliseconds, never 0 where two rows tell.
    levels: (n, k) the values with 0 for NaN. carried: (drops + 1, k) what was counted before each restart, all together.
    unknown: (n, k) how many increments so far have no number (another bucket layout); None where all have one.
    gap_ms, lost: (n,) length of all gaps so far, and the rows that are missing in them.
    drops: rows at which the counter had started again; a drop of any count restarts every column.
    """

    times: Ints
    values: Floats
    steps: Ints
    levels: Floats
    carried: Floats
    unknown: Ints | None
    gap_ms: Ints
    lost: Ints
    drops: Ints

    def state(self, at_ms: At) -> Row:
        """The row that holds the state at a time: the last at or before it, however old; -1 where there is none."""
        return self.times.searchsorted(at_ms, side="right") - 1

    def fresh(self, row: Row, at_ms: At) -> Any:
        """Whether the row still stands for that time."""
        return (row >= 0) & (at_ms - self.times[row] <= FRESH * self.steps[row])

    def added(self, low: Row, high: Row) -> Floats:
        """
        (k,) what was added after row `low` up to row `high`, resets added back; NaN where that is not known.

        For n pairs of rows (n, k).
        """
        added: Floats = self.levels[high] - self.levels[low]
        if len(self.drops):
            before, after = self.drops.searchsorted([low, high], side="right")
            added += self.carried[after] - self.carried[before]
        if self.unknown is not None:
            added[self.unknown[high] > self.unknown[low]] = np.nan
        return added

    def each(self, low: int, high: int) -> Floats:
        """(high - low, k) what each of those rows added."""
        added: Floats = np.diff(self.values[low : high + 1], axis=0)
        restarts = self.drops[(self.drops > low) & (self.drops <= high)]
        added[restarts - low - 1] = self.values[restarts]
        return added


_ready: WeakKeyDictionary[Series, Prepared] = WeakKeyDictionary()


def prepared(series: Series, kind: Kind) -> Prepared:
    """The series made ready, once per object. A row without a number, or of a counter below zero, is no row."""
    if (known := _ready.get(series)) is None:
        known = _ready[series] = _prepare(series, kind)
    return known


def ready(samples: Samples) -> list[Prepared]:
    return [prepared(series, samples.kind) for series in samples.series]


def _prepare(series: Series, kind: Kind) -> Prepared:
    values = series.values if series.values.ndim == 2 else series.values[:, None]
    times, steps = series.times, series.steps
    clean = values.min(initial=0.0) >= 0  # False also where one is NaN
    if not clean:
        usable = ~np.all(np.isnan(values), axis=1)
        if kind != "gauge":
            usable &= ~_any_count(values < 0)
        times, values, steps = times[usable], values[usable], steps[usable]
    steps = _steps(times, steps)
    fell = _any_count(values[1:] < values[:-1]) if kind != "gauge" else np.zeros(max(0, len(times) - 1), dtype=bool)
    drops = np.flatnonzero(fell) + 1
    levels, unknown = values, None
    if not clean and (missing := np.isnan(values)).any():
        levels = np.where(missing, 0.0, values)
        unknown = _sums((missing[1:] | (missing[:-1] & ~fell[:, None])).astype(np.int64))
    lengths = np.diff(times)
    longest = np.maximum(steps[1:], steps[:-1])
    gap = lengths > FRESH * longest
    lost = np.where(gap, np.rint(lengths / np.maximum(longest, 1)) - 1, 0).astype(np.int64)
    return Prepared(
        times=times,
        values=values,
        steps=steps,
        levels=levels,
        carried=_sums(levels[drops - 1]),
        unknown=unknown,
        gap_ms=_sums(np.where(gap, lengths, 0)),
        lost=_sums(lost),
        drops=drops,
    )


def _any_count(told: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether it is so of any count. A histogram's sum may fall when something negative was observed: no restart."""
    if told.shape[1] == 1:
        return told[:, 0]
    found: NDArray[np.bool_] = np.any(told[:, :-2], axis=1) | told[:, -1]
    return found


def _sums(change: NDArray[Number]) -> NDArray[Number]:
    return np.concatenate([np.zeros_like(change[:1], shape=(1, *change.shape[1:])), np.cumsum(change, axis=0)])


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

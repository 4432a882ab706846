"""A series made ready to be asked about any window: prefix sums, resets, gaps; each question costs two look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Samples, Series
from ..model.series import Kind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)

# A row stands for its time until one and a half steps later; an increment longer than that is a gap.
FRESH = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """
    One series of n rows and k columns (1, or a histogram's edges + 2).

    steps: (n,) milliseconds, never 0 where two rows tell.
    added: (n, k) what was added since the first row, resets added back; a drop of any count restarts every column.
    unknown: (n, k) how many increments so far have no number (another bucket layout); None where all have one.
    gap_ms, lost: (n,) length of all gaps so far, and the rows that are missing in them.
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
    # Of a histogram, the sum may fall when something negative was observed; it says nothing about a restart.
    counting = np.delete(values, -2, axis=1) if values.shape[1] > 1 else values
    usable: NDArray[np.bool_] = ~np.all(np.isnan(values), axis=1)
    if kind in ("counter", "histogram"):
        usable &= ~np.any(counting < 0, axis=1)
    if not usable.all():
        times, values, counting, steps = times[usable], values[usable], counting[usable], steps[usable]
    steps = _steps(times, steps)
    fell: NDArray[np.bool_] = np.any(counting[1:] < counting[:-1], axis=1)
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

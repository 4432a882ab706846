"""
The arithmetic of Prometheus, for rows as scraped: increase() extrapolated to the window, histogram_quantile().

What differs by server version was read in promql/functions.go at the tags v2.42.0 to v3.14.0 of
prometheus/prometheus: ranges are closed at both ends before 3.0 and open on the left since (#13904); before 2.51
the limit at a counter's zero was applied before it was decided whether the first row is near enough to the start,
since then after it (#13725). What 3.6 changed there concerns native histograms alone.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Semantics = Literal["2.x", "2.51", "3.0"]

# Two cumulative counts nearer than this (relative) are equal: promql/quantile.go, smallDeltaTolerance.
SMALL = 1e-12


def semantics_of(engine: str) -> Semantics:
    """'prometheus 2.42.0' -> '2.x', 'prometheus 2.53.1' -> '2.51', all else (newer, other servers, files) -> '3.0'."""
    found = re.search(r"prometheus\D*(\d+)\.(\d+)", engine, re.IGNORECASE)
    version = (int(found[1]), int(found[2])) if found else (3, 0)
    return "3.0" if version >= (3, 0) else "2.51" if version >= (2, 51) else "2.x"


def in_range(times: NDArray[np.int64], start_ms: int, end_ms: int, semantics: Semantics = "3.0") -> slice:
    """The rows a range selector over (start, end] takes; before 3.0 a row at the start too."""
    first = np.searchsorted(times, start_ms, side="right" if semantics == "3.0" else "left")
    return slice(int(first), int(np.searchsorted(times, end_ms, side="right")))


def increase(
    times: NDArray[np.int64],
    values: Floats,
    start_ms: int,
    end_ms: int,
    *,
    semantics: Semantics = "3.0",
    counter: bool = True,
) -> Floats | None:
    """
    increase() of each column over the range, (k,), or None with fewer than two rows in it.

    times: (n,) milliseconds, ascending. values: (n, k). counter False gives delta(): no resets, no zero limit.
    Every column is a series of its own, as in Prometheus. Divide by the range in seconds for rate().
    """
    rows = in_range(times, start_ms, end_ms, semantics)
    at, value = times[rows], values[rows]
    if len(at) < 2:
        return None
    raw = value[-1] - value[0]
    if counter:
        raw = raw + np.where(value[1:] < value[:-1], value[:-1], 0.0).sum(axis=0)
    sampled = (at[-1] - at[0]) / 1000  # seconds, of whole milliseconds: a time in seconds has lost its last digits
    between = sampled / (len(at) - 1)
    near = between * 1.1
    head = np.full(raw.shape, (at[0] - start_ms) / 1000)
    tail = (end_ms - at[-1]) / 1000
    limited = (raw > 0) & (value[0] >= 0) if counter else np.zeros(raw.shape, dtype=bool)
    to_zero = np.where(limited, sampled * value[0] / np.where(limited, raw, 1.0), np.inf)
    if semantics == "2.x":
        head = np.minimum(head, to_zero)
        head = np.where(head >= near, between / 2, head)
    else:
        head = np.minimum(np.where(head >= near, between / 2, head), to_zero)
    result: Floats = raw * (sampled + head + (tail if tail < near else between / 2)) / sampled
    return result


def repaired(counts: Floats) -> list[float]:
    """Cumulative counts that never fall; a difference below 1e-12 of their sum is none."""
    fixed: list[float] = counts.tolist()
    for place in range(1, len(fixed)):
        before, here = fixed[place - 1], fixed[place]
        if here - before < SMALL * (abs(here) + abs(before)):
            fixed[place] = before
    return fixed


def quantile_bucket(q: float, edges: Sequence[float] | Floats, counts: Floats) -> tuple[float, float, float]:
    """
    (value, low, high): the q-quantile of a classic histogram and the edges of the bucket it lies in.

    edges: (k,) ascending, no edge twice, the last +Inf. counts: (k,) cumulative, in any scale.
    A quantile in the +Inf bucket is the highest finite edge, and high is inf. NaN where nothing was counted, where
    there is no +Inf edge, or where it is the only one.
    """
    if q < 0 or q > 1:
        return (-math.inf if q < 0 else math.inf), math.nan, math.nan
    if math.isnan(q) or len(edges) < 2 or edges[-1] != math.inf:
        return math.nan, math.nan, math.nan
    heights = repaired(counts)
    if not heights[-1] > 0:
        return math.nan, math.nan, math.nan
    rank, last = q * heights[-1], len(edges) - 1
    place = bisect_left(heights, rank, hi=last)
    if place == last:
        return float(edges[-2]), float(edges[-2]), math.inf
    high = float(edges[place])
    if place == 0 and high <= 0:
        return high, -math.inf, high
    low, below = (float(edges[place - 1]), heights[place - 1]) if place else (0.0, 0.0)
    inside = heights[place] - below
    return (low + (high - low) * ((rank - below) / inside) if inside else math.nan), low, high

"""PromQL functions that deploybook does not use, beside those it does, so that every parser-free vector can be run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deploybook.measure import promql

Floats = np.ndarray
INF = math.inf


def over_range(fn: str, at: Floats, value: Floats, end_s: float, argument: Any) -> float | None:
    """The functions of the rows inside a range, seconds and values; None where Prometheus gives no result."""
    if fn in ("irate", "idelta"):
        return instant(at, value, rate=fn == "irate")
    if fn in ("deriv", "predict_linear"):
        return trend(fn, at, value, end_s, argument)
    if not len(value):
        return None
    simple: Mapping[str, Callable[[Floats], float]] = {
        "resets": lambda v: float((v[1:] < v[:-1]).sum()),
        "changes": lambda v: float(((v[1:] != v[:-1]) & ~(np.isnan(v[1:]) & np.isnan(v[:-1]))).sum()),
        "count_over_time": lambda v: float(len(v)),
        "sum_over_time": compensated,
        "avg_over_time": mean,
        "min_over_time": lambda v: float(np.nan if np.isnan(v).all() else np.nanmin(v)),
        "max_over_time": lambda v: float(np.nan if np.isnan(v).all() else np.nanmax(v)),
        "stdvar_over_time": variance,
        "stddev_over_time": lambda v: math.sqrt(variance(v)),
        "mad_over_time": lambda v: math.nan if np.isnan(v).any() else quantile(0.5, np.abs(v - quantile(0.5, v))),
    }
    return quantile(argument, value) if fn == "quantile_over_time" else simple[fn](value)


def instant(at: Floats, value: Floats, *, rate: bool) -> float | None:
    if len(value) < 2:
        return None
    change = value[-1] if rate and value[-1] < value[-2] else value[-1] - value[-2]
    return float(change / (at[-1] - at[-2]) if rate else change)


def trend(fn: str, at: Floats, value: Floats, end_s: float, ahead: float) -> float | None:
    """Least squares through the rows; deriv: its slope, predict_linear: its value `ahead` seconds after the end."""
    if len(value) < 2:
        return None
    x = at - (at[0] if fn == "deriv" else end_s)
    if np.isinf(value).any():
        return math.nan
    if (value == value[0]).all():
        slope, intercept = 0.0, value[0]
    else:
        slope = np.mean((x - x.mean()) * (value - value.mean())) / np.mean((x - x.mean()) ** 2)
        intercept = value.mean() - slope * x.mean()
    return float(slope if fn == "deriv" else slope * ahead + intercept)


def inc(more: float, total: float, lost: float) -> tuple[float, float]:
    """One step of Kahan's and Neumaier's summation, as util/kahansum does it: (sum, compensation)."""
    new = total + more
    if math.isinf(new):
        return new, 0.0
    if abs(total) >= abs(more):
        return new, lost + ((total - new) + more)
    return new, lost + ((more - new) + total)


def compensated(value: Floats) -> float:
    total = lost = 0.0
    for one in value.tolist():
        total, lost = inc(one, total, lost)
    return total if math.isinf(total) else total + lost


def mean(value: Floats) -> float:
    """The compensated sum over the count; from the row on where the sum would overflow, a running mean."""
    total, lost, running = float(value[0]), 0.0, math.nan
    for count, one in enumerate(value[1:].tolist(), start=2):
        if math.isnan(running):
            new, new_lost = inc(one, total, lost)
            if not math.isinf(new):
                total, lost = new, new_lost
                continue
            running, lost = total / (count - 1), lost / (count - 1)
        share = (count - 1) / count
        running, lost = inc(one / count, share * running, share * lost)
    return total / len(value) + lost / len(value) if math.isnan(running) else running + lost


def variance(value: Floats) -> float:
    """Welford's, which is exactly 0 where all values are equal."""
    middle = around = 0.0
    for count, one in enumerate(value.tolist(), start=1):
        change = one - middle
        middle += change / count
        around += change * (one - middle)
    return around / len(value)


def quantile(q: float, value: Floats) -> float:
    if math.isnan(q) or not len(value):
        return math.nan
    if q < 0 or q > 1:
        return -INF if q < 0 else INF
    ordered = np.sort(value)
    ordered = np.concatenate([ordered[np.isnan(ordered)], ordered[~np.isnan(ordered)]])  # NaN is the smallest
    rank = q * (len(ordered) - 1)
    low, high = math.floor(rank), min(math.floor(rank) + 1, len(ordered) - 1)
    weight = rank - low
    return float(ordered[low] * (1 - weight) + ordered[high] * weight)


def histogram_fraction(lower: float, upper: float, edges: Floats, counts: Floats) -> float:
    """Share of observations between two values, linear inside a bucket (promql/quantile.go, BucketFraction)."""
    if not np.isposinf(edges[-1]) or not counts[-1] or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    return (below(upper, edges, counts) - below(lower, edges, counts)) / float(counts[-1])


def below(value: float, edges: Floats, counts: Floats) -> float:
    place = int(np.searchsorted(edges, value, side="left"))
    if place == len(edges) or np.isposinf(value):
        return float(counts[-1])
    under = float(counts[place - 1]) if place else 0.0
    low = float(edges[place - 1]) if place else 0.0 if edges[0] > 0 else -INF
    if value <= low:
        return under
    if low == -INF:
        return float(counts[place])
    width = edges[place] - low
    return under + (0.0 if np.isinf(width) else (counts[place] - under) * (value - low) / width)


def coalesced(many: Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    """(edges, counts), equal edges such as `0.2` and `2e-1` added up."""
    edges, place = np.unique([edge for edge, _ in many], return_inverse=True)
    counts = np.zeros(len(edges))
    np.add.at(counts, place, [count for _, count in many])
    return edges, counts


def histogram(fn: str, argument: Any, many: Sequence[tuple[float, float]]) -> float:
    edges, counts = coalesced(many)
    if fn == "histogram_quantile":
        return promql.quantile_bucket(float(argument), edges, counts)[0]
    return histogram_fraction(float(argument[0]), float(argument[1]), edges, counts)

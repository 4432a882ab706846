"""The plain figure of a metric over a window, in the source's unit, with what it rests on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Coverage, Metric, Samples
from ..times import Window, to_ms
from . import promql
from .coverage import Span, coverage, spans
from .grid import Mask, total, totals
from .ground import Ground

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure before it is dressed: value in the source's unit, or None and a sentence why (see Measurement)."""

    coverage: Coverage = Coverage(found=0, expected=0, seen=0.0)
    value: float | None = None
    missing: str = ""
    bracket: tuple[float, float] | None = None
    traffic: float | None = None
    good: float | None = None


def figure(base: Ground, window: Window, common: Mask | None = None) -> Figure:
    """The figure. common: (edges,) True for the buckets that may be used (see usable_edges)."""
    metric, samples = base.metric, base.samples
    if samples is None:
        return Figure(missing=base.missing)
    if metric.kind == "query":
        return _answer(samples, window)
    many = spans(samples, window)
    seen = Figure(coverage=coverage(many, window))
    if not any(one.found for one in many):
        return replace(seen, missing=f"{metric.name} has no samples in this window.")
    if metric.kind == "gauge":
        return replace(seen, value=_statistic(metric, many))
    added = _added(metric, samples, many, window, base.columns)
    if added is None:
        return replace(seen, missing=f"{metric.name} has fewer than two scrapes in this window.")
    if metric.kind in ("counter", "histogram"):
        return replace(seen, **_of_added(metric, samples, added, common))
    good = _added(metric, base.good, spans(base.good, window), window, 1) if base.good else None
    return _share(metric, 0.0 if good is None else float(good[0]), float(added[0]), seen)


def figures(base: Ground, edges: Sequence[tuple[datetime, datetime]]) -> Floats:
    """(n,) the values of `figure` over n windows, given by their ends; NaN where nothing was measured."""
    metric, samples = base.metric, base.samples
    if samples is None or metric.kind not in ("counter", "histogram") or metric.arithmetic != "raw":
        values = [figure(base, Window(start=start, end=end)).value for start, end in edges]
    else:
        starts, ends = np.array([[to_ms(start), to_ms(end)] for start, end in edges]).T
        found, added = totals(samples, starts, ends, base.columns)
        values = [
            _of_added(metric, samples, row, None).get("value") if there else None
            for there, row in zip(found, added, strict=True)
        ]
    return np.array([math.nan if value is None else value for value in values])


def usable_edges(base: Ground, window: Window) -> Mask | None:
    """(edges,) True for the buckets that every increment of the window has; None unless a quantile with samples."""
    if base.metric.quantile is None or base.metric.kind != "histogram" or base.samples is None:
        return None
    usable: Mask = ~np.isnan(total(spans(base.samples, window), base.columns)[:-2])
    return usable


def _added(metric: Metric, samples: Samples, many: Sequence[Span], window: Window, columns: int) -> Floats | None:
    """(columns,) the increase over all series in the arithmetic that the metric asks for, None where it gives none."""
    if metric.arithmetic == "raw":
        return total(many, columns)
    semantics = promql.semantics_of(samples.engine)
    parts = [
        promql.increase(one.rows.times, one.rows.values, window.start_ms, window.end_ms, semantics=semantics)
        for one in many
    ]
    there = [part for part in parts if part is not None]
    return np.sum(there, axis=0) if there else None


def _share(metric: Metric, good: float, runs: float, seen: Figure) -> Figure:
    if not runs > 0:
        return replace(seen, missing=f"Nothing ran: {metric.total_name or metric.name} did not increase.", traffic=0.0)
    return replace(seen, value=good / runs, good=good, traffic=runs)


def _of_added(metric: Metric, samples: Samples, added: Floats, common: Mask | None) -> dict[str, Any]:
    """What a Figure says of such an increase."""
    if metric.kind == "counter":
        return {"value": float(added[0])}
    counts, total, requests = added[:-2], float(added[-2]), float(added[-1])
    if math.isnan(requests):
        requests = float(counts[-1])
    if not requests > 0:
        return {"missing": f"{metric.name} counted nothing in this window.", "traffic": 0.0}
    if (q := metric.quantile) is None:
        if not math.isfinite(total):
            return {"missing": f"{metric.name} has no _sum in this window, so there is no mean.", "traffic": requests}
        return {"value": total / requests, "traffic": requests}
    edges, usable = samples.edges, ~np.isnan(counts) if common is None else common & ~np.isnan(counts)
    if not usable.all():
        edges, counts = tuple(itertools.compress(edges, usable)), counts[usable]
    value, low, high = promql.quantile_bucket(q, edges, counts)
    if math.isnan(value):
        missing = f"{metric.name} has no two bucket edges that hold for the whole window."
        return {"missing": missing, "traffic": requests}
    return {"value": value, "bracket": (low, high), "traffic": requests}


def _answer(samples: Samples, window: Window) -> Figure:
    """What a server answered for exactly this window's end; where the query has `$window`, for its length too."""
    lengths = ("", f"{(window.end_ms - window.start_ms) // 1000}s")
    asked = [one for one in samples.series if one.labels.get("window", "") in lengths]
    found = [float(one.values[place]) for one in asked for place in np.flatnonzero(one.times == window.end_ms)]
    seen = Figure(coverage=Coverage(found=len(found[:1]), expected=1, seen=float(bool(found))))
    if not found:
        return replace(seen, missing="The server was not asked about this window, or had no answer.")
    if len(found) > 1:
        return replace(seen, missing=f"The answer has {len(found)} series; sum or average them in the query.")
    if not np.isfinite(found[0]):
        return replace(seen, missing=f"The answer is {found[0]}: the server had no data for this window.")
    return replace(seen, value=found[0])


def gauge_rows(many: Sequence[Span]) -> tuple[NDArray[np.int64], Floats]:
    """
    (times, values) of all series, by time. A row stands for its step: beside rows of 15 s one of 60 s is there four
    times.
    """
    parts = [(one.rows, slice(one.low + 1, one.high + 1)) for one in many]
    times = np.concatenate([rows.times[part] for rows, part in parts])
    values = np.concatenate([rows.values[part, 0] for rows, part in parts])
    steps = np.concatenate([rows.steps[part] for rows, part in parts])
    order = np.argsort(times, kind="stable")
    if len(steps) and steps.min() > 0 and steps.min() != steps.max():
        order = np.repeat(order, np.minimum(steps[order] // np.gcd.reduce(steps), 1000))
    return times[order], values[order]


def _statistic(metric: Metric, many: Sequence[Span]) -> float:
    """Of all rows of all series; `last` is the mean over the series of the last value of each."""
    if metric.statistic == "last":
        return float(np.mean([one.rows.values[one.high, 0] for one in many if one.found]))
    values = gauge_rows(many)[1]
    if metric.quantile is not None:
        return float(np.quantile(values, metric.quantile))
    if metric.statistic in ("min", "max"):
        return float(values.min() if metric.statistic == "min" else values.max())
    return float(np.median(values) if metric.statistic == "median" else values.mean())

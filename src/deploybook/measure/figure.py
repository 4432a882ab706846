"""The plain figure of a metric over a window, in the source's unit, with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..model import Coverage, Data, Metric, Samples
from ..times import Window
from . import grid, promql
from .coverage import Span, coverage, coverage_of_rows, spans
from .prepared import joined, prepared, select
from .zeros import with_zeros

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Labels = Mapping[str, str]
NOTHING = Coverage(found=0, expected=0, seen=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What a figure of one metric is made from: the selected samples, of a ratio also the good ones."""

    samples: Samples | None
    good: Samples | None = None
    missing: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        both = [one for one in (self.samples, self.good) if one]
        return tuple(sorted({digest for one in both for digest in one.inputs}))


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """A figure before it is dressed: value in the source's unit, or None with the reason."""

    value: float | None = None
    missing: str = ""
    coverage: Coverage = NOTHING
    bracket: tuple[float, float] | None = None
    traffic: float | None = None
    good: float | None = None
    spans: list[Span] = field(default_factory=list)


_grounds: WeakKeyDictionary[Data, dict[tuple[object, ...], Ground]] = WeakKeyDictionary()


def ground(metric: Metric, data: Data, labels: Labels | None = None) -> Ground:
    """The samples behind a metric, once for each Data, its conditions and a split's labels."""
    split = tuple(sorted((labels or {}).items()))
    known = _grounds.setdefault(data, {})
    key = (metric, split)
    if key not in known:
        known[key] = _ground(metric, data, split)
    return known[key]


def _ground(metric: Metric, data: Data, split: tuple[tuple[str, str], ...]) -> Ground:
    if metric.kind == "query":
        answers = data.samples.get(metric.id)
        return Ground(samples=_split(answers, split), missing=f"The query of {metric.id} has no answer.")
    names = (metric.name, *metric.also_named)
    own = _split(_named(names, metric, data), split)
    if metric.kind == "ratio":
        whole = _split(_named((metric.total_name,), metric, data), split) if metric.total_name else own
        good = select(own, metric.good) if own else None
        if metric.total_name and not (good and good.series):
            return Ground(samples=None, missing=_absent(metric, metric.name))
        return Ground(samples=whole, good=good, missing=_absent(metric, metric.total_name or metric.name))
    return Ground(samples=own, missing=_absent(metric, metric.name))


def _absent(metric: Metric, name: str) -> str:
    where = "{" + ", ".join(str(one) for one in metric.where) + "}" if metric.where else ""
    text = f"No series of {name}{where} in the exports."
    if metric.kind == "counter" and not metric.missing_is_zero:
        text += " If it appears only with its first event, write 'missing: zero'."
    return text


def _named(names: tuple[str, ...], metric: Metric, data: Data) -> Samples | None:
    """The samples of all of the names as one metric, selected; with `missing: zero` also what `up` vouches for."""
    found = joined([data.samples[name] for name in dict.fromkeys(names) if name in data.samples])
    if found is not None:
        found = select(found, metric.where)
    if metric.missing_is_zero and metric.kind == "counter":
        return with_zeros(names[0], found, data.samples.get("up"), metric.where)
    return found


def _split(samples: Samples | None, split: tuple[tuple[str, str], ...]) -> Samples | None:
    if samples is None or not split:
        return samples
    kept = (one for one in samples.series if all(one.labels.get(name, "") == value for name, value in split))
    return replace(samples, series=tuple(kept))


def figure(
    metric: Metric, data: Data, window: Window, labels: Labels | None = None, common: Mask | None = None
) -> Figure:
    """The figure, in the source's unit. common: (edges,) True for the buckets that may be used (see usable_edges)."""
    base = ground(metric, data, labels)
    if base.samples is None or not base.samples.series:
        return Figure(missing=base.missing)
    if metric.kind == "query":
        return _answer(base.samples, window)
    if metric.kind == "gauge":
        return _gauge(metric, base.samples, window)
    many = spans(base.samples, window)
    seen = Figure(coverage=coverage(many, window), spans=many)
    if not any(one.found for one in many):
        return replace(seen, missing=f"{metric.name} has no samples in this window.")
    columns = len(base.samples.edges) + 2 if base.samples.kind == "histogram" else 1
    added = _added(metric, base.samples, many, window, columns)
    if metric.kind == "histogram":
        return _of_histogram(metric, base.samples, added, seen, common)
    if metric.kind == "counter":
        return replace(seen, value=float(added[0]))
    assert base.good is not None
    good = float(_added(metric, base.good, spans(base.good, window), window, 1)[0])
    return _share(metric, good, float(added[0]), seen)


def usable_edges(metric: Metric, data: Data, window: Window, labels: Labels | None = None) -> Mask | None:
    """(edges,) True for the buckets that every increment of the window has; None unless a histogram with samples."""
    samples = ground(metric, data, labels).samples
    if metric.kind != "histogram" or samples is None:
        return None
    return ~np.isnan(grid.total(spans(samples, window), len(samples.edges) + 2)[:-2])


def _added(metric: Metric, samples: Samples, many: list[Span], window: Window, columns: int) -> Floats:
    """(columns,) the increase over all series, in the arithmetic that the metric asks for."""
    if metric.arithmetic == "raw":
        return grid.total(many, columns)
    added = np.zeros(columns)
    semantics = promql.semantics_of(samples.engine)
    for one in many:
        rows = one.rows
        more = promql.increase(rows.times, rows.values, window.start_ms, window.end_ms, semantics=semantics)
        added += 0.0 if more is None else more
    return added


def _share(metric: Metric, good: float, total: float, seen: Figure) -> Figure:
    if not total > 0:
        return replace(
            seen, missing=f"Nothing ran in this window: {metric.total_name or metric.name} did not increase."
        )
    return replace(seen, value=good / total, good=good, traffic=total)


def _of_histogram(metric: Metric, samples: Samples, added: Floats, seen: Figure, common: Mask | None) -> Figure:
    counts, total = added[:-2], added[-1] if not np.isnan(added[-1]) else added[-3]
    if not total > 0:
        return replace(seen, missing=f"{metric.name} counted nothing in this window.", traffic=0.0)
    seen = replace(seen, traffic=float(total))
    if metric.statistic == "mean":
        value = added[-2] / total
        missing = "" if np.isfinite(value) else f"{metric.name} has no _sum in this window, so no mean."
        return replace(seen, value=None if missing else float(value), missing=missing)
    usable = ~np.isnan(counts) if common is None else ~np.isnan(counts) & common
    edges = np.array(samples.edges)[usable]
    value, low, high = promql.quantile_bucket(metric.quantile or np.nan, edges, counts[usable])
    if np.isnan(value):
        return replace(seen, missing=f"{metric.name} has no bucket edges in common over this window.")
    return replace(seen, value=value, bracket=(low, high))


def _answer(samples: Samples, window: Window) -> Figure:
    found = [float(one.values[place]) for one in samples.series for place in np.flatnonzero(one.times == window.end_ms)]
    seen = Figure(coverage=Coverage(found=int(bool(found)), expected=1, seen=float(bool(found))))
    if not found:
        return replace(seen, missing="The server was not asked about this window, or had no answer for it.")
    if len(found) > 1:
        return replace(seen, missing=f"The answer has {len(found)} series; sum or average them in the query.")
    if not np.isfinite(found[0]):
        return replace(seen, missing=f"The server's answer is {found[0]}: it had no data for this window.")
    return replace(seen, value=found[0])


def gauge_rows(samples: Samples, window: Window) -> Floats:
    """
    All values with start <= t < end, by time. A row stands for its step: beside rows of 15 s one of 60 s is there
    four times.
    """
    parts = []
    for series in samples.series:
        rows = prepared(series)
        low, high = np.searchsorted(rows.times, [window.start_ms, window.end_ms], side="left")
        parts.append((rows.times[low:high], rows.values[low:high, 0], rows.steps[low:high]))
    times, values, lengths = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")
    values, lengths = values[order], lengths[order]
    if len(lengths) and lengths.min() > 0 and lengths.min() != lengths.max():
        values = np.repeat(values, np.minimum(lengths // np.gcd.reduce(lengths), 1000))
    return np.asarray(values)


def _gauge(metric: Metric, samples: Samples, window: Window) -> Figure:
    values = gauge_rows(samples, window)
    seen = Figure(coverage=coverage_of_rows(samples, window))
    if not len(values):
        return replace(seen, missing=f"{metric.name} has no samples in this window.")
    if (share := metric.quantile) is not None:
        return replace(seen, value=float(np.quantile(values, share)))
    if metric.statistic == "last":
        return replace(seen, value=_last(samples, window))
    take = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}[metric.statistic]
    return replace(seen, value=float(take(values)))


def _last(samples: Samples, window: Window) -> float:
    """Mean over the series of the last value of each."""
    lasts = []
    for series in samples.series:
        rows = prepared(series)
        low, high = np.searchsorted(rows.times, [window.start_ms, window.end_ms], side="left")
        if high > low:
            lasts.append(rows.values[high - 1, 0])
    return float(np.mean(lasts))

"""Means: of a histogram (the ratio of summed sums and counts), of a gauge, and against many earlier windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...model import Estimate, Increments
from .figures import Figure, difference_of, figure_of, intervals, own_of, ratio_of, t_value
from .noise import Array, doubt_of

EARLIER = 7  # earlier windows that a prediction interval needs
MEAN = "mean of all requests, t interval on the logarithm, correlation between scrapes allowed for"
GAUGE = "mean of the samples, t interval, correlation between samples allowed for"
HISTORY = "; noise and memory from a longer stretch"


def change_of_mean(now: Increments, base: Increments, *, history: Increments | None = None) -> Estimate:
    """
    The relative change of the mean of a histogram.

    history: increments over a longer stretch of the same series (the baseline day, the observation so far); noise and
    memory are estimated there, so that an hour of twelve five-minute rows can be judged. Without it, fewer than 10
    effective samples in either window give an estimate that is `blocked`.
    """
    return ratio_of(mean_of(now, history), mean_of(base, history), MEAN + HISTORY * (history is not None))


def own_mean(now: Increments, *, history: Increments | None = None, scale: float = 1.0) -> Estimate:
    """The mean itself, times `scale` (source unit to page unit)."""
    return own_of(mean_of(now, history), MEAN + HISTORY * (history is not None), scale)


@lru_cache(maxsize=2)  # a figure is asked for alone, then for the change from another one
def mean_of(window: Increments, history: Increments | None) -> Figure:
    residuals = mean_residuals(window)
    if residuals is None or window.sums is None:
        return Figure(value=math.nan, blocked="no requests")
    doubt = doubt_of(*residuals, mean_residuals(history) if history is not None else None)
    return figure_of(float(window.sums.sum() / window.counts.sum()), doubt, float(window.seconds.sum()))


def mean_residuals(window: Increments) -> tuple[Array, Array] | None:
    """
    (residuals, seconds): what each increment adds to the relative deviation of the mean, in seconds.

    Linearised ratio: sum minus mean times count, over the sum of a second. None where there is nothing to go by.
    """
    if window.sums is None:
        raise ValueError("a mean needs the sums of a histogram")
    if len(window.counts) < 2 or not (window.counts.sum() > 0 and window.sums.sum() > 0):
        return None
    mean = window.sums.sum() / window.counts.sum()
    pace = window.sums.sum() / window.seconds.sum()
    return (window.sums - mean * window.counts) / pace, window.seconds


def change_of_gauge(
    now: Array,
    base: Array,
    *,
    history: Array | None = None,
    step: float = 15.0,
    difference: bool = False,
    scale: float = 1.0,
) -> Estimate:
    """
    The relative change of a gauge's mean; with `difference`, or where a mean is not above zero, the plain difference
    in its unit times `scale`. now, base, history: (n,) samples, one each `step` seconds.
    """
    log = not difference and all(len(side) and side.mean() > 0 for side in (now, base))
    first, second = (gauge_of(side, history, step, log=log) for side in (now, base))
    method = GAUGE + HISTORY * (history is not None)
    return ratio_of(first, second, method) if log else difference_of(first, second, method, scale)


def own_gauge(now: Array, *, history: Array | None = None, step: float = 15.0, scale: float = 1.0) -> Estimate:
    """The mean of a gauge itself, times `scale`."""
    return own_of(gauge_of(now, history, step, log=False), GAUGE + HISTORY * (history is not None), scale, log=False)


def gauge_of(samples: Array, history: Array | None, step: float, *, log: bool) -> Figure:
    if len(samples) < 2:
        return Figure(value=math.nan, blocked="no samples")

    def residuals(of: Array) -> tuple[Array, Array]:
        return (of - of.mean()) * step / (float(of.mean()) if log else 1.0), np.full(len(of), step)

    past = residuals(history) if history is not None and len(history) and (not log or history.mean() > 0) else None
    return figure_of(float(samples.mean()), doubt_of(*residuals(samples), past), step * len(samples))


def change_from_history(value: float, earlier_values: Sequence[float]) -> Estimate:
    """
    The relative change of `value` against the mean of at least 7 earlier comparable windows.

    A prediction interval on the logarithm, s·sqrt(1+1/K), t with K-1: it sees the wobble from day to day, which no single
    baseline window can.
    """
    k, method = len(earlier_values), f"prediction interval over {len(earlier_values)} earlier windows"
    if k < EARLIER or value <= 0 or min(earlier_values) <= 0:
        blocked = f"only {k} earlier windows of {EARLIER}" if k < EARLIER else "a change against zero is undefined"
        return Estimate(value=math.nan, scale="relative", method=method, blocked=blocked)
    logs = [math.log(earlier) for earlier in earlier_values]
    middle = math.fsum(logs) / k
    spread = math.sqrt(math.fsum((log - middle) ** 2 for log in logs) / (k - 1) * (1 + 1 / k))
    change = math.log(value) - middle

    def limits(confidence: float) -> tuple[float, float]:
        half = t_value(confidence, k - 1) * spread
        return math.expm1(change - half), math.expm1(change + half)

    return Estimate(
        value=math.expm1(change), scale="relative", **intervals(limits), effective=(1.0, float(k)), method=method
    )
